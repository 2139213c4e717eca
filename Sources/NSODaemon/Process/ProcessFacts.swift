import NSODocument

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// This process as the system sees it, where it has `/proc`.
enum ProcessFacts {
  /// The lines of a file of `/proc/self`, blanks between words reduced to one.
  static func lines(of name: String) -> [String] {
    guard let bytes = try? DocumentFile.contents("/proc/self/" + name, limit: 1 << 20) else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).map { line in
      line.split { $0 == 0x20 || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }
  }

  /// What is open, by number.
  static var descriptors: [(number: Int32, target: String)] {
    (Directory.names(in: "/proc/self/fd") ?? []).compactMap { Int32($0) }.sorted().compactMap { number in
      var target = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/self/fd/\(number)", &target, target.count)
      guard count > 0 else { return nil }
      return (number, String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
  }
}
