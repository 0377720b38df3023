// SMTPSession
