/// What kind of term comes next; integers, floats, atoms and tuples of every encoding are one kind each, and lists are
/// lists whether they came as a list, as a list of bytes or empty.
public enum TermKind: Hashable, Sendable {
  case integer, float, atom, tuple, list, binary, bitString, map
}

/// The tags of the external term format (protocol part 01, section 10.1 and 10.2).
enum TermTag {
  static let version: UInt8 = 131
  static let float: UInt8 = 70
  static let bitString: UInt8 = 77
  static let compressed: UInt8 = 80
  static let smallInteger: UInt8 = 97
  static let integer: UInt8 = 98
  static let floatText: UInt8 = 99
  static let atom: UInt8 = 100
  static let smallTuple: UInt8 = 104
  static let largeTuple: UInt8 = 105
  static let empty: UInt8 = 106
  static let bytes: UInt8 = 107
  static let list: UInt8 = 108
  static let binary: UInt8 = 109
  static let smallBig: UInt8 = 110
  static let largeBig: UInt8 = 111
  static let smallAtom: UInt8 = 115
  static let map: UInt8 = 116
  static let atomUTF8: UInt8 = 118
  static let smallAtomUTF8: UInt8 = 119

  static func kind(_ tag: UInt8) -> TermKind? {
    switch tag {
    case smallInteger, integer, smallBig, largeBig: .integer
    case float, floatText: .float
    case atom, smallAtom, atomUTF8, smallAtomUTF8: .atom
    case smallTuple, largeTuple: .tuple
    case empty, bytes, list: .list
    case binary: .binary
    case bitString: .bitString
    case map: .map
    default: nil
    }
  }
}
