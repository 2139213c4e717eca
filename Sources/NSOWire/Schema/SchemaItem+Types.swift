public import ExternalTerm
import NIOCore
public import NSOModel

extension SchemaItem {
  /// 4.5: a reference to a type; may point forward.
  public enum TypeReference: Hashable, Sendable {
    /// Of the namespace being sent.
    case local(String)
    case inNamespace(String, String)
    case builtIn(String)
  }

  /// 4.6: a type definition.
  public struct TypeDefinition: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
      case derived
      case primitive
      /// Conversion by callbacks registered in the client for the type point.
      case userDefined(point: String)
    }

    public indirect enum Derivation: Hashable, Sendable {
      case restriction(TypeReference, [Facet])
      case list(TypeReference)
      case union([TypeReference])
      /// Size 32, 64, or for larger types the number of bits rounded up to whole bytes.
      case bits([Bit], size: Int)
      case undefined
    }

    public struct Bit: Hashable, Sendable {
      public var position: Int
      /// Sent as characters; the reference client understands nothing else.
      public var label: WireText

      public init(_ position: Int, _ label: String) {
        self.position = position
        self.label = WireText(label, asCharacters: true)
      }

      init(_ position: Int, label: WireText) {
        self.position = position
        self.label = label
      }
    }

    /// Unique in its namespace.
    public var name: String
    public var kind: Kind
    public var derivation: Derivation

    public init(_ name: String, kind: Kind = .derived, _ derivation: Derivation) {
      self.name = name
      self.kind = kind
      self.derivation = derivation
    }
  }

  /// One part of a range; a missing bound is `min` or `max`.
  public enum Range<Bound: Hashable & Sendable>: Hashable, Sendable {
    case single(Bound)
    case between(Bound?, Bound?)
  }

  /// 4.7: a restriction of a type.
  public enum Facet: Hashable, Sendable {
    /// A label (sent as a binary) and its value.
    case enumeration(WireText, Int32)
    case enumerationValue(Value)
    case length([Range<Int64>])
    case minLength(Int64)
    case maxLength(Int64)
    case range([Range<Value>])
    case minInclusive(Value)
    case maxInclusive(Value)
    case minExclusive(Value)
    case maxExclusive(Value)
    case fractionDigits(Int)
    case totalDigits(Int)
    case pattern(String)
    case displayHint(String)
    case whiteSpace(WhiteSpace)
    case uniqueList
    case identities([Identity])
    case ignore(Term)
    /// One that this library does not know; it restricts nothing.
    case unknown(Term)

    public enum WhiteSpace: String, Hashable, Sendable {
      case preserve, replace, collapse
    }

    public struct Identity: Hashable, Sendable {
      public var prefix: String
      public var name: String
      public var hash: IdentityHash

      public init(prefix: String, name: String, hash: IdentityHash) {
        self.prefix = prefix
        self.name = name
        self.hash = hash
      }
    }

    /// An enum of YANG.
    public static func label(_ label: String, _ value: Int32) -> Facet { .enumeration(WireText(label), value) }
  }
}
