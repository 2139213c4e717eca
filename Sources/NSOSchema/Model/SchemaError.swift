/// Why a set of YANG modules could not be made into a `Schema`.
public struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: Hashable, Sendable {
    /// A directory or file cannot be read.
    case unreadable
    /// A file is not a YANG module, or breaks the grammar.
    case syntax
    /// A module that is imported or included was found nowhere.
    case missingModule
    /// The modules parse but do not fit together (unknown type, leafref without target, bad default, ...).
    case semantics
    /// The YANG library failed for a reason of its own (memory).
    case library
  }

  public var code: Code
  /// The file at fault, when known.
  public var file: String?
  /// Line in `file`, counted from 1, when known.
  public var line: Int?
  /// The schema path of the statement at fault, when known.
  public var path: String?
  /// What is wrong, in words.
  public var reason: String

  public init(_ code: Code, file: String? = nil, line: Int? = nil, path: String? = nil, reason: String) {
    self.code = code
    self.file = file
    self.line = line
    self.path = path
    self.reason = reason
  }

  /// `file:line: path: reason`, without what is not known.
  public var description: String {
    var text = ""
    if let file { text += file + (line.map { ":\($0)" } ?? "") + ": " }
    if let path { text += path + ": " }
    return text + reason
  }
}
