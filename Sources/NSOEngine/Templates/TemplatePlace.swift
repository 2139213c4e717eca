/// Where something in a template stands: the file and the line, and inside macros also the line in each macro on the way.
public struct TemplatePlace: Hashable, Sendable, CustomStringConvertible {
  struct Point: Hashable, Sendable {
    var file: String
    var line: Int
  }

  /// The outermost first; never empty.
  private(set) var points: [Point]

  init(_ file: String, _ line: Int) { points = [Point(file: file, line: line)] }

  /// A line of a macro that is expanded here.
  func inside(_ file: String, _ line: Int) -> TemplatePlace {
    var place = self
    place.points.append(Point(file: file, line: line))
    return place
  }

  /// `service.xml:19:8`: in line 8 of a macro that is expanded in line 19. A macro of another file is named behind it.
  public var description: String {
    let lines = points.map { String($0.line) }.joined(separator: ":")
    guard let first = points.first, let last = points.last else { return "" }
    return "\(first.file):\(lines)" + (last.file == first.file ? "" : " (\(last.file):\(last.line))")
  }
}

/// What is wrong with a template, and where.
struct TemplateFault: Error, Hashable, Sendable, CustomStringConvertible {
  var place: TemplatePlace
  var reason: String

  init(_ place: TemplatePlace, _ reason: String) {
    self.place = place
    self.reason = reason
  }

  var description: String { "\(place): \(reason)" }
}

/// What templates may cost, so that none of them exhausts the daemon.
public enum TemplateLimits {
  /// Bytes of one file.
  public static let fileSize = 4 << 20
  /// Files in all.
  public static let files = 10_000
  /// Elements, texts and instructions of one template when its macros are expanded.
  static let nodes = 200_000
  /// Bytes of texts that parameters of macros are put into, in one template.
  static let expandedText = 16 << 20
  /// Macros inside one another.
  static let macroDepth = 32
  /// Elements and instructions inside one another.
  static let depth = 128
  /// Elements and instructions carried out in one application.
  static let steps = 1_000_000
  /// Nodes that all loops, keys and leaf-lists under way may hold together.
  static let selection = 1_000_000
  /// Bytes of the value of a leaf or variable.
  static let text = 16 << 20
  /// Bytes of the values of all variables.
  static let variables = 64 << 20
  /// Bytes of all values that one application writes.
  static let written = 256 << 20
  /// Steps of all expressions of one application.
  static let evaluation = 100_000_000
}
