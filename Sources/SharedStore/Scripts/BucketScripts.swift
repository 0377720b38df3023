// A bucket's value is the moment at which it will be empty, as everywhere in Portreeve: nanoseconds since 1970 by the
// store's clock, in decimal. Lua's numbers are doubles, exact to 2^53, and nanoseconds since 1970 are not: so every
// time is a pair here, whole seconds and nanoseconds below a second. There is only addition and comparison of pairs;
// intervals are multiplied and divided in Throttle's integers, on our side. The results are Throttle's to the nanosecond.

enum BucketScripts {
    /// The time, and how long until a bucket is empty; a value that is no time counts as an empty bucket.
    static let clock = """
        local time = redis.call('TIME')
        local now_s, now_n = tonumber(time[1]), tonumber(time[2]) * 1000
        local function split(value)
          local s, n = string.match(value or '', '^(%d+)(%d%d%d%d%d%d%d%d%d)$')
          return tonumber(s), tonumber(n)
        end
        local function minus(s, n, by_s, by_n)
          if n < by_n then return s - by_s - 1, n + 1000000000 - by_n end
          return s - by_s, n - by_n
        end
        local function plus(s, n, by_s, by_n)
          if n + by_n >= 1000000000 then return s + by_s + 1, n + by_n - 1000000000 end
          return s + by_s, n + by_n
        end
        local function owed(value)
          local s, n = split(value)
          if not s then return 0, 0 end
          s, n = minus(s, n, now_s, now_n)
          if s < 0 then return 0, 0 end
          return s, n
        end
        local function keep(key, s, n)
          local at_s, at_n = plus(now_s, now_n, s, n)
          redis.call('SET', key, string.format('%d%09d', at_s, at_n), 'PX',
            string.format('%d', s * 1000 + math.floor(n / 1000000) + 1))
        end

        """

    /// Charges all or none.
    ///
    /// KEYS: buckets. ARGV for each: seconds and nanoseconds that the event pays, seconds and nanoseconds that may be
    /// owed. Returns 1 or 0, now, and for each bucket what was owed before.
    static let charge = """
        local reply, sums, fits = {1, now_s, now_n}, {}, true
        for i, value in ipairs(redis.call('MGET', unpack(KEYS))) do
          local s, n = owed(value)
          reply[2 * i + 2], reply[2 * i + 3] = s, n
          local at = 4 * (i - 1)
          s, n = plus(s, n, tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
          local most_s, most_n = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
          if s > most_s or (s == most_s and n > most_n) then fits = false end
          sums[i] = {s, n}
        end
        if not fits then
          reply[1] = 0
          return reply
        end
        for i, key in ipairs(KEYS) do keep(key, sums[i][1], sums[i][2]) end
        return reply
        """

    /// Changes nothing.
    ///
    /// KEYS: buckets. Returns 1, now, and for each bucket what is owed.
    static let peek = """
        local reply = {1, now_s, now_n}
        for i, value in ipairs(redis.call('MGET', unpack(KEYS))) do
          reply[2 * i + 2], reply[2 * i + 3] = owed(value)
        end
        return reply
        """

    /// Gives charges back, but for what has drained since.
    ///
    /// KEYS: buckets. ARGV for each: seconds and nanoseconds that were charged, seconds and nanoseconds of the moment at
    /// which the bucket would have been empty without it.
    static let refund = """
        for i, value in ipairs(redis.call('MGET', unpack(KEYS))) do
          local at = 4 * (i - 1)
          local given_s, given_n = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
          local drained_s, drained_n = minus(now_s, now_n, tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
          if drained_s >= 0 then given_s, given_n = minus(given_s, given_n, drained_s, drained_n) end
          local s, n = owed(value)
          if given_s >= 0 and (s > 0 or n > 0) then
            s, n = minus(s, n, given_s, given_n)
            if s < 0 or (s == 0 and n == 0) then redis.call('DEL', KEYS[i]) else keep(KEYS[i], s, n) end
          end
        end
        return 1
        """
}
