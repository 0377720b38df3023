// Bans, lifted bans and emptied buckets are entries under one counter, which every change moves on and stamps its entry
// with. A machine asks once a second for what is stamped later than what it has seen; so a machine that was away, for a
// moment or for a day, misses nothing and nothing has to be kept per machine.
//
// Keys, all on one slot:
//   portreeve:{news}:state     hash    epoch, version, floor
//   portreeve:{news}:entries   hash    subject -> "KIND END BEGUN FLAGS REASON", times in milliseconds since 1970
//   portreeve:{news}:versions  zset    subject -> version
//   portreeve:{news}:ends      zset    subject -> END
// The epoch says which life of the data this is: a store that has lost it begins another, and all are told everything.
// That a ban was lifted is remembered as long as the ban would have lasted, for a day at least and a week at most, so
// that a machine that was away does not bring it back; that a bucket was emptied is remembered for ten minutes. Whoever
// was away for longer is below the floor and is told everything, too.

enum NewsScripts {
    static let keys: [[UInt8]] = ["state", "entries", "versions", "ends"].map { Array("portreeve:{news}:\($0)".utf8) }

    private static let preamble = """
        local state, entries, versions, ends = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
        if redis.call('HSETNX', state, 'epoch', time[1] .. '.' .. time[2]) == 1 then
          redis.call('HSET', state, 'version', 0, 'floor', 0)
          redis.call('DEL', entries, versions, ends)
        end
        local function whole(number) return string.format('%d', number) end

        """

    /// Makes an entry; a ban that is there is never shortened.
    ///
    /// ARGV: kind (ban, lift, reset), subject, milliseconds it still lasts, milliseconds since it began, flags, reason,
    /// most entries. Returns the version.
    static let publish =
        preamble + """
            local kind, subject, flags, reason = ARGV[1], ARGV[2], ARGV[5], ARGV[6]
            local until_ms, begun, most = now + tonumber(ARGV[3]), now - tonumber(ARGV[4]), tonumber(ARGV[7])
            local function forget(gone)
              local entry, at = redis.call('HGET', entries, gone), redis.call('ZSCORE', versions, gone)
              if entry and at and string.sub(entry, 1, 4) ~= 'ban '
                and tonumber(at) > tonumber(redis.call('HGET', state, 'floor')) then
                redis.call('HSET', state, 'floor', at)
              end
              redis.call('HDEL', entries, gone)
              redis.call('ZREM', versions, gone)
              redis.call('ZREM', ends, gone)
            end
            for _, gone in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', whole(now), 'LIMIT', 0, 100)) do
              forget(gone)
            end
            local known = redis.call('HGET', entries, subject)
            if kind == 'ban' and known then
              local last, first, was, why = string.match(known, '^ban (%d+) (%-?%d+) (%d+) (.*)$')
              if last and tonumber(last) > now then
                local both = ''
                for i = 1, 2 do
                  both = both .. ((string.sub(flags, i, i) == '1' or string.sub(was, i, i) == '1') and '1' or '0')
                end
                if tonumber(last) >= until_ms then
                  if both == was then return tonumber(redis.call('HGET', state, 'version')) end
                  until_ms, reason = tonumber(last), why
                end
                begun, flags = tonumber(first), both
              end
            end
            if kind == 'lift' and known then
              local last = tonumber(string.match(known, '^ban (%d+) ') or 0)
              until_ms = math.max(until_ms, math.min(last, now + 604800000))
            end
            if not known and redis.call('HLEN', entries) >= most then
              local gone = redis.call('ZRANGE', ends, 0, 0)[1]
              if gone then forget(gone) end
            end
            local version = redis.call('HINCRBY', state, 'version', 1)
            redis.call('HSET', entries, subject,
              kind .. ' ' .. whole(until_ms) .. ' ' .. whole(begun) .. ' ' .. flags .. ' ' .. reason)
            redis.call('ZADD', versions, whole(version), subject)
            redis.call('ZADD', ends, whole(until_ms), subject)
            return version
            """

    /// What is later than what a machine knows.
    ///
    /// ARGV: epoch and version that it knows, most entries. Returns epoch, version, floor, now in milliseconds,
    /// then subject, version and entry of each change that is later, the earliest first.
    static let news =
        preamble + """
            local known = redis.call('HMGET', state, 'epoch', 'version', 'floor')
            local reply = {known[1], tonumber(known[2]), tonumber(known[3]), now}
            local from = ARGV[2]
            if known[1] ~= ARGV[1] then from = '0' end
            if known[2] == from then return reply end
            local found = redis.call('ZRANGEBYSCORE', versions, '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
            for i = 1, #found, 2 do
              reply[#reply + 1] = found[i]
              reply[#reply + 1] = tonumber(found[i + 1])
              reply[#reply + 1] = redis.call('HGET', entries, found[i]) or ''
            end
            return reply
            """
}
