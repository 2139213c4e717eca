public import NSOModel
public import NSOWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a callback of a data provider fails, as the daemon passes it on (protocol part 05, section 2.2). Other errors that a
/// callback throws travel as their words.
public struct CallbackError: Error, Hashable, Sendable, CustomStringConvertible {
  public typealias Code = CallbackFailure.Code

  public var code: Code
  /// For people; nil: nothing to say.
  public var text: String?
  /// The error-app-tag of NETCONF.
  public var appTag: Tag?
  /// The error-info of NETCONF: a tagged list whose top-level tags have their namespace.
  public var info: [TaggedValue]?

  /// An error with everything.
  public init(_ code: Code, _ text: String? = nil, appTag: Tag? = nil, info: [TaggedValue]? = nil) {
    self.code = code
    self.text = text
    self.appTag = appTag
    self.info = info
  }

  /// Words only.
  public static func text(_ text: String) -> CallbackError { CallbackError(.application, text) }

  /// An error number of the operating system: the code that comes nearest, its words, and what was tried.
  public static func system(_ number: Int32, _ what: String) -> CallbackError {
    let code: Code =
      switch number {
      case EACCES, EPERM, EROFS: .accessDenied
      case EBUSY, EAGAIN, ETXTBSY: .inUse
      case ENOMEM, ENOSPC, EMFILE, ENFILE: .resourceDenied
      case ENOENT, ESRCH, ENODEV, ENXIO: .dataMissing
      case EINVAL, ERANGE, EDOM: .inconsistentValue
      default: .application
      }
    return CallbackError(code, "\(what): \(String(cString: strerror(number))) (errno \(number))")
  }

  public var description: String { "\(code.rawValue)\(text.map { ": \($0)" } ?? "")" }

  /// What travels for an error that a callback threw.
  init(_ error: any Error) {
    switch error {
    case let error as CallbackError: self = error
    case let error as NSOError:
      let code = Code.allCases.first { $0.errorCode == error.code } ?? .application
      self.init(code, error.message, appTag: error.appTag)
    case is CancellationError: self.init(.interrupt, "the callback was aborted")
    default: self.init(.application, "\(error)")
    }
  }

  var failure: CallbackFailure { .reason(.init(code, text, appTag: appTag, info: info)) }
}
