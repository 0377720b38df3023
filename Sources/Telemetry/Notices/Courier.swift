import CCurl
import Reactor

/// Carries notices with libcurl; each call takes as long as the other side, at most `patience` seconds.
enum Courier {
    private static let patience = 15

    /// POSTs JSON; nil, or what went wrong.
    static func post(_ json: [UInt8], to url: String) -> String? {
        transfer(url) { transfer in
            let header = curl_slist_append(nil, "Content-Type: application/json")
            defer { curl_slist_free_all(header) }
            _ = reeve_curl_set_text(transfer, CURLOPT_PROTOCOLS_STR, "http,https")
            _ = reeve_curl_set_list(transfer, CURLOPT_HTTPHEADER, header)
            _ = reeve_curl_set_text(transfer, CURLOPT_USERAGENT, "portreeve")
            _ = reeve_curl_set_number(transfer, CURLOPT_POSTFIELDSIZE, json.count)
            _ = reeve_curl_set_text(transfer, CURLOPT_COPYPOSTFIELDS, String(decoding: json, as: UTF8.self))
            let fault = perform(transfer)
            let code = reeve_curl_response(transfer)
            return fault ?? (200..<300 ~= code ? nil : "it answered \(code)")
        }
    }

    /// Hands a message to a mail server; nil, or what went wrong.
    static func send(_ message: [UInt8], _ mail: NoticeSettings.Mail, as hostname: String) -> String? {
        let scheme = mail.security == .implicit ? "smtps" : "smtp"
        let server = mail.tlsName.map { name in name + mail.server[port(of: mail.server)...] } ?? mail.server
        return transfer("\(scheme)://\(server)/\(hostname)") { transfer in
            var recipients: UnsafeMutablePointer<curl_slist>?
            for recipient in mail.recipients { recipients = curl_slist_append(recipients, "<\(recipient)>") }
            let route = mail.tlsName == nil ? nil : curl_slist_append(nil, "::\(mail.server)")
            defer {
                curl_slist_free_all(recipients)
                curl_slist_free_all(route)
            }
            _ = reeve_curl_set_text(transfer, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
            _ = reeve_curl_set_list(transfer, CURLOPT_CONNECT_TO, route)
            _ = reeve_curl_set_text(transfer, CURLOPT_MAIL_FROM, "")
            _ = reeve_curl_set_list(transfer, CURLOPT_MAIL_RCPT, recipients)
            _ = reeve_curl_set_number(transfer, CURLOPT_HAPROXYPROTOCOL, mail.sendsProxyHeader ? 1 : 0)
            secure(transfer, mail)
            return message.withUnsafeBytes { octets in
                var upload = reeve_upload(
                    data: octets.baseAddress?.assumingMemoryBound(to: CChar.self), left: octets.count)
                return withUnsafeMutablePointer(to: &upload) { upload in
                    _ = reeve_curl_upload(transfer, upload)
                    return perform(transfer)
                }
            }
        }
    }

    private static func port(of server: String) -> String.Index {
        server.lastIndex(of: ":") ?? server.endIndex
    }

    private static func secure(_ transfer: UnsafeMutableRawPointer, _ mail: NoticeSettings.Mail) {
        let wanted = mail.security == .starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE
        _ = reeve_curl_set_number(transfer, CURLOPT_USE_SSL, Int(wanted.rawValue))
        _ = reeve_curl_set_number(transfer, CURLOPT_SSL_VERIFYPEER, mail.verifies ? 1 : 0)
        _ = reeve_curl_set_number(transfer, CURLOPT_SSL_VERIFYHOST, mail.verifies ? 2 : 0)
        if let authorities = mail.authorities { _ = reeve_curl_set_text(transfer, CURLOPT_CAINFO, authorities) }
    }

    private static func transfer(_ url: String, _ body: (UnsafeMutableRawPointer) -> String?) -> String? {
        guard let transfer = curl_easy_init() else { return "libcurl cannot begin" }
        defer { curl_easy_cleanup(transfer) }
        _ = reeve_curl_set_text(transfer, CURLOPT_URL, url)
        _ = reeve_curl_set_number(transfer, CURLOPT_TIMEOUT, patience)
        // Signals belong to the supervisor.
        _ = reeve_curl_set_number(transfer, CURLOPT_NOSIGNAL, 1)
        // What the environment says of proxies is not in our configuration.
        _ = reeve_curl_set_text(transfer, CURLOPT_PROXY, "")
        _ = reeve_curl_ignore_answer(transfer)
        return body(transfer)
    }

    private static func perform(_ transfer: UnsafeMutableRawPointer) -> String? {
        let result = curl_easy_perform(transfer)
        return result == CURLE_OK ? nil : String(cString: curl_easy_strerror(result))
    }
}
