internal import CLibYang

/// A compiled regular expression, copied out of the YANG library so that it outlives the library's context.
final class RegularExpression: @unchecked Sendable {
  // PCRE2 code is never written after it is made, and matching keeps its state in match data of its own, so threads share
  // it freely (pcre2api, "Multithreading").
  private let code: OpaquePointer

  /// Copies `code`; nil when memory is short.
  init?(copying code: OpaquePointer) {
    guard let copy = pcre2_code_copy_8(code) else { return nil }
    self.code = copy
    // Machine code where the platform has it; matching works without.
    _ = pcre2_jit_compile_8(copy, UInt32(PCRE2_JIT_COMPLETE))
  }

  deinit { pcre2_code_free_8(code) }

  enum Outcome { case match, noMatch, tooComplex }

  /// Whether all of `text` matches.
  func match(_ text: String) -> Outcome {
    guard let data = pcre2_match_data_create_8(1, nil) else { return .tooComplex }
    defer { pcre2_match_data_free_8(data) }
    var text = text
    let result = text.withUTF8 { bytes in
      let status = pcre2_match_8(code, bytes.baseAddress, bytes.count, 0, 0, data, nil)
      guard status == PCRE2_ERROR_JIT_STACKLIMIT else { return status }
      return pcre2_match_8(code, bytes.baseAddress, bytes.count, 0, UInt32(PCRE2_NO_JIT), data, nil)
    }
    if result >= 0 { return .match }
    return result == PCRE2_ERROR_NOMATCH ? .noMatch : .tooComplex
  }
}
