import Crypto

/// The answer that proves knowledge of the secret (protocol part 01, section 3): MD5 of the secret and the challenge.
enum AccessAnswer {
  static func digest(secret: [UInt8], challenge: [UInt8]) -> [UInt8] {
    var md5 = Insecure.MD5()
    md5.update(data: secret)
    md5.update(data: challenge)
    return Array(md5.finalize())
  }
}
