public import NSOModel
public import NSOTerms

/// What names a place in the data tree in a request.
///
/// `Keypath` is the form that every daemon understands. `WireKeypath` is the same in its encoded form: made once, it can be used in
/// many requests. Text such as `/r:interfaces/interface{eth0}/mtu` is resolved by the daemon, with the prefixes of the modules and
/// keys in their lexical form (protocol part 02, section 5.5); daemons other than ours may not take it.
public protocol PathConvertible: Sendable {
  var wirePath: WireKeypath { get }
}

extension Keypath: PathConvertible {
  public var wirePath: WireKeypath { WireKeypath(self) }
}

extension WireKeypath: PathConvertible {
  public var wirePath: WireKeypath { self }
}

extension String: PathConvertible {
  public var wirePath: WireKeypath { WireKeypath(text: self) }
}
