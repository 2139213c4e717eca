/// The commands of the two modes in style J (protocol part 08, sections 9.2 and 9.3).
struct CommandTable {
  enum Mode: Sendable { case operational, configure }

  /// What follows the name, for completion.
  enum Tail: Sendable {
    case nothing
    /// Words of which each may stand once; some have an argument.
    case words([Word])
    case path(PlaceReader.Use)
    /// `show` in operational mode.
    case show
    /// `set` in operational mode.
    case parameters
    /// A command, of this mode or another.
    case command(Mode?)
    case free(String)
    /// First one of some words, then a file.
    case file([Word])
  }

  struct Word: Sendable {
    var name: String
    var help: String
    /// What follows it.
    var argument: String?

    init(_ name: String, _ help: String, _ argument: String? = nil) {
      self.name = name
      self.help = help
      self.argument = argument
    }
  }

  struct Entry: Sendable {
    var name: String
    var help: String
    var tail: Tail
  }

  static func entries(_ mode: Mode) -> [Entry] { mode == .operational ? operational : configure }

  private static let operational: [Entry] = [
    Entry(
      name: "commit", help: "confirm or abort a pending confirmed commit",
      tail: .words([Word("abort", "take it back"), Word("confirm", "keep it")])),
    Entry(
      name: "configure", help: "change the configuration",
      tail: .words([
        Word("exclusive", "nobody else can change it meanwhile"), Word("private", "others can change it as well"),
        Word("shared", "in the candidate, together with others (not supported)"),
      ])),
    Entry(name: "exit", help: "end the session", tail: .nothing),
    Entry(name: "help", help: "what commands do", tail: .command(.operational)),
    Entry(name: "id", help: "who you are", tail: .nothing),
    Entry(
      name: "logout", help: "end sessions",
      tail: .words([Word("session", "one session", "SESSION-ID"), Word("user", "all of a user", "USER")])),
    Entry(name: "quit", help: "end the session", tail: .nothing),
    Entry(name: "request", help: "perform an action", tail: .path(.actions)),
    Entry(name: "send", help: "show a message to users", tail: .free("all, a user or a session, and the text")),
    Entry(name: "set", help: "set a parameter of the session", tail: .parameters),
    Entry(name: "show", help: "show data", tail: .show),
    Entry(name: "who", help: "who is here", tail: .nothing),
  ]

  static let commitWords: [Word] = [
    Word("abort", "take a pending confirmed commit back"), Word("and-quit", "leave configure mode afterwards"),
    Word("check", "validate only"), Word("comment", "text that is kept with the commit", "TEXT"),
    Word("confirmed", "take it back unless it is confirmed (not supported)", "MINUTES"),
    Word("dry-run", "show what would be changed"), Word("label", "name that is kept with the commit", "TEXT"),
    Word("no-confirm", "ask nothing"), Word("outformat", "with dry-run: cli or xml", "FORMAT"),
    Word("reverse", "with dry-run: what would take the changes back"),
  ]

  private static let configure: [Entry] = [
    Entry(name: "annotate", help: "attach a comment to a statement; an empty one removes it", tail: .path(.configuration)),
    Entry(name: "commit", help: "make the changes", tail: .words(commitWords)),
    Entry(name: "compare", help: "show the changes", tail: .words([Word("running", "against what runs")])),
    Entry(name: "copy", help: "copy a list entry: copy PATH NEW-KEYS", tail: .path(.configuration)),
    Entry(name: "delete", help: "delete something, with all below", tail: .path(.configuration)),
    Entry(name: "edit", help: "go to a place; what is missing is made", tail: .path(.configuration)),
    Entry(
      name: "exit", help: "leave this level, or configure mode",
      tail: .words([
        Word("configuration-mode", "leave configure mode"), Word("level", "leave this level"),
        Word("no-confirm", "drop changes without asking"),
      ])),
    Entry(name: "help", help: "what commands do", tail: .command(.configure)),
    Entry(
      name: "insert", help: "make an entry at a place: insert PATH first|last|before KEYS|after KEYS",
      tail: .path(.configuration)),
    Entry(
      name: "load", help: "load a configuration from a file",
      tail: .file([
        Word("merge", "add it to what is there"), Word("override", "in place of everything"),
        Word("replace", "entries in place of those with the same keys"),
      ])),
    Entry(
      name: "move", help: "move an entry: move PATH first|last|before KEYS|after KEYS", tail: .path(.configuration)),
    Entry(
      name: "quit", help: "leave configure mode", tail: .words([Word("no-confirm", "drop changes without asking")])),
    Entry(name: "rename", help: "give an entry other keys: rename PATH NEW-KEYS", tail: .path(.configuration)),
    Entry(name: "request", help: "perform an action", tail: .path(.actions)),
    Entry(name: "revert", help: "drop the changes", tail: .words([Word("no-confirm", "ask nothing")])),
    Entry(
      name: "rollback", help: "load what takes commits back",
      tail: .words([
        Word("configuration", "the latest commit, or all from a numbered one on", "[NUMBER]"),
        Word("selective", "the numbered commit alone", "NUMBER"),
      ])),
    Entry(name: "run", help: "a command of operational mode", tail: .command(.operational)),
    Entry(name: "save", help: "save the configuration to a file", tail: .file([])),
    Entry(name: "set", help: "set values", tail: .path(.configuration)),
    Entry(name: "show", help: "show the configuration with the changes", tail: .path(.configuration)),
    Entry(name: "status", help: "what is being changed", tail: .nothing),
    Entry(name: "top", help: "go to the top, or carry out a command there", tail: .command(.configure)),
    Entry(name: "up", help: "go up one level", tail: .nothing),
    Entry(name: "validate", help: "check the changes", tail: .nothing),
  ]

  static let pipes: [Word] = [
    Word("append", "to a file", "FILE"), Word("begin", "from the first line that fits", "PATTERN"),
    Word("compare", "show the changes"), Word("count", "count the lines"), Word("details", "with default values"),
    Word("display", "in another form", "FORMAT"), Word("except", "lines that do not fit", "PATTERN"),
    Word("exclude", "lines that do not fit", "PATTERN"), Word("include", "lines that fit", "PATTERN"),
    Word("linnum", "number the lines"), Word("match", "lines that fit", "PATTERN"), Word("more", "page by page"),
    Word("nomore", "without pages"), Word("notab", "without tables"), Word("save", "to a file", "FILE"),
    Word("tab", "lists as tables"), Word("until", "to the first line that fits", "PATTERN"),
  ]

  static let displays: [Word] = [
    Word("curly-braces", "as in configure mode"), Word("json", "RFC 7951"), Word("keypath", "a path for each leaf"),
    Word("set", "a command for each leaf"), Word("xml", "XML"),
  ]
}
