import NSOModel

/// A fault of the configuration file, with everything its author needs: where it is, what is wrong, what to do.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A place in a configuration file.
  public struct Place: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    /// Counted from 1; `nil` where the fault is the file as a whole.
    public var line: Int?

    public init(file: String, line: Int? = nil) {
      self.file = file
      self.line = line
    }

    public var description: String { line.map { "\(file):\($0)" } ?? file }
  }

  public var place: Place
  public var reason: String
  /// What to do about it.
  public var remedy: String

  public init(_ place: Place, _ reason: String, remedy: String) {
    self.place = place
    self.reason = reason
    self.remedy = remedy
  }

  public var description: String {
    Explanation(.configuration, .badConfig, actor: "", action: "", path: "\(place)", rule: reason, remedy: remedy).text
  }
}
