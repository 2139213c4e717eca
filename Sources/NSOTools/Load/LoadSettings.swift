/// What the command line of `ncs_load` asks for (protocol part 08, section 5).
struct LoadSettings: Hashable, Sendable {
  /// The language of a document.
  enum Format: Character, CaseIterable, Sendable {
    case xml = "x"
    case prettyXML = "p"
    case json = "o"
    case curly = "j"
    case cStyle = "c"
    case iStyle = "i"
    case turboC = "t"
  }

  enum Merge: Hashable, Sendable {
    /// Everything is deleted first.
    case create
    case merge
    case replace
  }

  enum Hiding: Hashable, Sendable {
    case asSession
    case hideAll
    case unhideAll
  }

  var connection = ConnectionSettings()
  var isLoad = false
  var format = Format.xml
  var merge = Merge.create
  private var isContradictory = false
  var hiding = Hiding.asSession
  var attachInit = false
  var path: String?
  var xpath: String?
  var withDefaults = false
  var showDefaults = false
  var withOperational = false
  var onlyOperational = false
  var onlyCDB = false
  var serviceMeta = false
  var deleteAll = false
  var isLax = false
  var autoCommit = false
  var continueOnError = false
  var withoutServices = false
  var withoutNetworking = false
  var showTime = false
  var files: [String] = []
  var wantsHelp = false
}

extension LoadSettings {
  static let options = Options<LoadSettings>(
    program: "ncs_load",
    summary: "Saves the configuration of the daemon to a file or standard output, or loads files or standard input (-l).",
    synopsis: [
      "[-W] [-S] [options] [FILE]",
      "-l [-m | -r] [-D] [options] [FILE...]",
    ],
    groups: [
      .init(
        title: "What to do",
        options: [
          .flag("l", nil, "load instead of save") { $0.isLoad = true },
          .value("F", nil, "FORMAT", formatHelp) { settings, value throws(UsageError) in
            guard value.count == 1, let letter = value.first, let format = Format(rawValue: letter) else {
              throw UsageError("-F \(value): unknown format; \(formatHelp)")
            }
            settings.format = format
          },
          .value("p", nil, "PATH", "save: only what is below PATH; load: delete everything below PATH first") { $0.path = $1 },
          .value("f", nil, "FILE", "deprecated: a file name") { $0.files.append($1) },
        ]),
      .init(
        title: "Loading",
        options: [
          .flag("m", nil, "merge with what is there (without -m and -r everything is deleted first)") { $0.choose(.merge) },
          .flag("r", nil, "replace the parts that are present in the file") { $0.choose(.replace) },
          .flag("D", nil, "delete all configuration first") { $0.deleteAll = true },
          .flag("x", nil, "ignore unknown namespaces, elements and attributes (XML)") { $0.isLax = true },
          .flag("a", nil, "commit after each line (CLI formats)") { $0.autoCommit = true },
          .flag("e", nil, "go on after errors (CLI formats)") { $0.continueOnError = true },
          .flag("j", nil, "do not run service mapping code") { $0.withoutServices = true },
          .flag("n", nil, "change the database only, send nothing to devices") { $0.withoutNetworking = true },
        ]),
      .init(
        title: "Saving",
        options: [
          .value("P", nil, "XPATH", "only what the XPath filter selects (XML)") { $0.xpath = $1 },
          .flag("W", nil, "include leafs that have their default value") { $0.withDefaults = true },
          .flag("S", nil, "show defaults as comments (CLI formats)") { $0.showDefaults = true },
          .flag("b", nil, "only data stored in CDB") { $0.onlyCDB = true },
          .flag("M", nil, "include service meta-data") { $0.serviceMeta = true },
        ]),
      .init(
        title: "Both",
        options: [
          .flag("o", nil, "save: include operational data; load: ignore operational data in the file") {
            $0.withOperational = true
          },
          .flag("O", nil, "only operational data (XML)") { $0.onlyOperational = true },
          .flag("H", nil, "hide all hidden nodes") { $0.hiding = .hideAll },
          .flag("U", nil, "unhide all hidden nodes") { $0.hiding = .unhideAll },
          .flag("i", nil, "attach to the init session (start phase 0 only)") { $0.attachInit = true },
          .flag("t", nil, "print the elapsed time on standard error") { $0.showTime = true },
        ]),
      ConnectionSettings.sessionOptions(at: \.connection, contextLetter: "c"),
      ConnectionSettings.addressOptions(at: \.connection, letters: false),
      .init(title: "Help", options: [.flag("h", "help", "show this text") { $0.wantsHelp = true }]),
    ],
    notes: """
      Without FILE, or with -, standard input or output is used. A named file is opened by the daemon, which needs
      permission to read it. From the second file on, files are merged. With NCS_MAAPI_USID and NCS_MAAPI_THANDLE in the
      environment the work is done in that transaction, which is then not applied.

      \(ConnectionSettings.environmentHelp)
      """)

  private static let formatHelp =
    "x XML (default), p pretty XML, o JSON, j curly brackets, c C style, i I style, t C style with the fast parser"

  private mutating func choose(_ merge: Merge) {
    if self.merge != .create, self.merge != merge { isContradictory = true }
    self.merge = merge
  }

  /// Reads a command line.
  init(arguments: some Sequence<String>) throws(UsageError) {
    self.init()
    files += try Self.options.parse(arguments, into: &self)
    guard !wantsHelp else { return }
    guard !isContradictory else { throw UsageError("-m and -r exclude each other") }
    if isLoad {
      if xpath != nil || withDefaults || showDefaults || onlyCDB || serviceMeta {
        throw UsageError("-P, -W, -S, -b and -M are for saving and do not go with -l")
      }
    } else {
      if merge != .create || deleteAll || isLax || autoCommit || continueOnError || withoutServices || withoutNetworking {
        throw UsageError("-m, -r, -D, -x, -a, -e, -j and -n are for loading: they need -l")
      }
      if files.count > 1 { throw UsageError("saving takes at most one file, not \(files.count)") }
      if path != nil, xpath != nil { throw UsageError("-p and -P exclude each other") }
    }
  }
}
