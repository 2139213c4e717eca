public import NSOModel

/// What the SSH server goes by, from `ncs.conf` (protocol part 08, section 7.2).
public struct SSHSettings: Sendable {
  /// One address that is listened at.
  public struct Listener: Hashable, Sendable, CustomStringConvertible {
    /// What is served there: `cli`, `netconf`.
    public var service: String
    public var address: IPAddress
    public var port: UInt16
    /// The setting that says so, for messages: `cli/ssh`.
    public var setting: String

    public init(service: String, address: IPAddress, port: UInt16, setting: String) {
      self.service = service
      self.address = address
      self.port = port
      self.setting = setting
    }

    public var description: String { "\(address) port \(port)" }
  }

  /// Whose keys are accepted.
  public enum PublicKeys: Hashable, Sendable {
    case none
    /// Those in the `ssh_keydir` of users of `/aaa`.
    case local
    /// These, and for users of the system those in `~/.ssh`.
    case system
  }

  /// Lists as SSH writes them, separated by commas; empty: all that the library has.
  public struct Algorithms: Hashable, Sendable {
    public var hostKeys = ""
    public var keyExchange = ""
    public var ciphers = ""
    public var macs = ""

    public init() {}
  }

  public var listeners: [Listener] = []
  public var hostKeys: [HostKey] = []
  public var publicKeys = PublicKeys.system
  /// Who has not logged in by then is dropped; nil: never.
  public var graceTime: Duration? = .seconds(600)
  /// Failed attempts after which a connection is closed; nil: any number.
  public var attempts: Int?
  /// For connections without channels; nil: no limit.
  public var idleTime: Duration? = .seconds(600)
  public var algorithms = Algorithms()
  /// Silence before the peer is asked whether it is there; nil: it is never asked.
  public var aliveInterval: Duration? = .seconds(20)
  /// So many unanswered questions end a connection.
  public var aliveCount = 3
  /// Keys are changed after so many bytes, or seconds; 0: no limit.
  public var rekeyBytes: UInt64 = 10 << 30
  public var rekeySeconds: UInt32 = 3600
  /// Shown before a login, by service.
  public var banners: [String: String] = [:]
  /// How many connections there may be; half of them may still have to log in.
  public var connectionLimit = 256

  public init() {}
}

/// Why SSH cannot be served as it is configured.
public struct SSHError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    case address, algorithms, system
  }

  public var kind: Kind
  public var description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
