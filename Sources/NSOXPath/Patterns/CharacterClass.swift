/// A set of characters as the regular expressions of XML Schema describe them.
indirect enum CharacterClass: Sendable {
  case range(ClosedRange<UInt32>)
  /// General categories, one bit for each.
  case categories(UInt32)
  case union([CharacterClass])
  case not(CharacterClass)
  case difference(CharacterClass, CharacterClass)
  /// `\i`
  case nameStart
  /// `\c`
  case namePart

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    switch self {
    case .range(let range): range.contains(scalar.value)
    case .categories(let bits): bits & Self.bit(scalar.properties.generalCategory) != 0
    case .union(let parts): parts.contains { $0.contains(scalar) }
    case .not(let inner): !inner.contains(scalar)
    case .difference(let a, let b): a.contains(scalar) && !b.contains(scalar)
    case .nameStart: scalar == ":" || NameCharacters.isStart(scalar)
    case .namePart: scalar == ":" || NameCharacters.isPart(scalar)
    }
  }

  static func one(_ scalar: Unicode.Scalar) -> CharacterClass { .range(scalar.value...scalar.value) }

  /// `.`
  static var anyButNewline: CharacterClass { .not(.union([one("\n"), one("\r")])) }

  /// `\s`
  static var space: CharacterClass { .union([one(" "), one("\t"), one("\n"), one("\r")]) }

  /// `\w`: all but punctuation, separators and others.
  static var word: CharacterClass {
    .not(.categories((categories["P"] ?? 0) | (categories["Z"] ?? 0) | (categories["C"] ?? 0)))
  }

  /// `\d`
  static var digit: CharacterClass { .categories(categories["Nd"] ?? 0) }

  /// What `\p{name}` means; nil for a name that does not exist.
  static func property(_ name: String) -> CharacterClass? {
    if let bits = categories[name] { return .categories(bits) }
    guard name.hasPrefix("Is"), let block = blocks[String(name.dropFirst(2))] else { return nil }
    return .range(block)
  }

  private static func bit(_ category: Unicode.GeneralCategory) -> UInt32 {
    let place: UInt32 =
      switch category {
      case .uppercaseLetter: 0
      case .lowercaseLetter: 1
      case .titlecaseLetter: 2
      case .modifierLetter: 3
      case .otherLetter: 4
      case .nonspacingMark: 5
      case .spacingMark: 6
      case .enclosingMark: 7
      case .decimalNumber: 8
      case .letterNumber: 9
      case .otherNumber: 10
      case .connectorPunctuation: 11
      case .dashPunctuation: 12
      case .openPunctuation: 13
      case .closePunctuation: 14
      case .initialPunctuation: 15
      case .finalPunctuation: 16
      case .otherPunctuation: 17
      case .mathSymbol: 18
      case .currencySymbol: 19
      case .modifierSymbol: 20
      case .otherSymbol: 21
      case .spaceSeparator: 22
      case .lineSeparator: 23
      case .paragraphSeparator: 24
      case .control: 25
      case .format: 26
      case .surrogate: 27
      case .privateUse: 28
      case .unassigned: 29
      @unknown default: 30
      }
    return 1 << place
  }

  private static let categories: [String: UInt32] = {
    let groups: [(String, [String])] = [
      ("L", ["u", "l", "t", "m", "o"]), ("M", ["n", "c", "e"]), ("N", ["d", "l", "o"]),
      ("P", ["c", "d", "s", "e", "i", "f", "o"]), ("S", ["m", "c", "k", "o"]), ("Z", ["s", "l", "p"]),
      ("C", ["c", "f", "s", "o", "n"]),
    ]
    var all: [String: UInt32] = [:]
    var place: UInt32 = 0
    for (group, members) in groups {
      for member in members {
        all[group + member] = 1 << place
        all[group, default: 0] |= 1 << place
        place += 1
      }
    }
    return all
  }()

  /// Unicode blocks by the names that XML Schema gives them.
  private static let blocks: [String: ClosedRange<UInt32>] = [
    "BasicLatin": 0x0000...0x007F, "Latin-1Supplement": 0x0080...0x00FF, "LatinExtended-A": 0x0100...0x017F,
    "LatinExtended-B": 0x0180...0x024F, "IPAExtensions": 0x0250...0x02AF, "SpacingModifierLetters": 0x02B0...0x02FF,
    "CombiningDiacriticalMarks": 0x0300...0x036F, "Greek": 0x0370...0x03FF, "GreekandCoptic": 0x0370...0x03FF,
    "Cyrillic": 0x0400...0x04FF, "Armenian": 0x0530...0x058F, "Hebrew": 0x0590...0x05FF, "Arabic": 0x0600...0x06FF,
    "Syriac": 0x0700...0x074F, "Thaana": 0x0780...0x07BF, "Devanagari": 0x0900...0x097F, "Bengali": 0x0980...0x09FF,
    "Gurmukhi": 0x0A00...0x0A7F, "Gujarati": 0x0A80...0x0AFF, "Oriya": 0x0B00...0x0B7F, "Tamil": 0x0B80...0x0BFF,
    "Telugu": 0x0C00...0x0C7F, "Kannada": 0x0C80...0x0CFF, "Malayalam": 0x0D00...0x0D7F, "Sinhala": 0x0D80...0x0DFF,
    "Thai": 0x0E00...0x0E7F, "Lao": 0x0E80...0x0EFF, "Tibetan": 0x0F00...0x0FFF, "Myanmar": 0x1000...0x109F,
    "Georgian": 0x10A0...0x10FF, "HangulJamo": 0x1100...0x11FF, "Ethiopic": 0x1200...0x137F, "Cherokee": 0x13A0...0x13FF,
    "UnifiedCanadianAboriginalSyllabics": 0x1400...0x167F, "Ogham": 0x1680...0x169F, "Runic": 0x16A0...0x16FF,
    "Khmer": 0x1780...0x17FF, "Mongolian": 0x1800...0x18AF, "LatinExtendedAdditional": 0x1E00...0x1EFF,
    "GreekExtended": 0x1F00...0x1FFF, "GeneralPunctuation": 0x2000...0x206F, "SuperscriptsandSubscripts": 0x2070...0x209F,
    "CurrencySymbols": 0x20A0...0x20CF, "CombiningMarksforSymbols": 0x20D0...0x20FF, "LetterlikeSymbols": 0x2100...0x214F,
    "NumberForms": 0x2150...0x218F, "Arrows": 0x2190...0x21FF, "MathematicalOperators": 0x2200...0x22FF,
    "MiscellaneousTechnical": 0x2300...0x23FF, "ControlPictures": 0x2400...0x243F,
    "OpticalCharacterRecognition": 0x2440...0x245F, "EnclosedAlphanumerics": 0x2460...0x24FF, "BoxDrawing": 0x2500...0x257F,
    "BlockElements": 0x2580...0x259F, "GeometricShapes": 0x25A0...0x25FF, "MiscellaneousSymbols": 0x2600...0x26FF,
    "Dingbats": 0x2700...0x27BF, "BraillePatterns": 0x2800...0x28FF, "CJKRadicalsSupplement": 0x2E80...0x2EFF,
    "KangxiRadicals": 0x2F00...0x2FDF, "IdeographicDescriptionCharacters": 0x2FF0...0x2FFF,
    "CJKSymbolsandPunctuation": 0x3000...0x303F, "Hiragana": 0x3040...0x309F, "Katakana": 0x30A0...0x30FF,
    "Bopomofo": 0x3100...0x312F, "HangulCompatibilityJamo": 0x3130...0x318F, "Kanbun": 0x3190...0x319F,
    "BopomofoExtended": 0x31A0...0x31BF, "EnclosedCJKLettersandMonths": 0x3200...0x32FF, "CJKCompatibility": 0x3300...0x33FF,
    "CJKUnifiedIdeographsExtensionA": 0x3400...0x4DB5, "CJKUnifiedIdeographs": 0x4E00...0x9FFF, "YiSyllables": 0xA000...0xA48F,
    "YiRadicals": 0xA490...0xA4CF, "HangulSyllables": 0xAC00...0xD7A3, "PrivateUse": 0xE000...0xF8FF,
    "CJKCompatibilityIdeographs": 0xF900...0xFAFF, "AlphabeticPresentationForms": 0xFB00...0xFB4F,
    "ArabicPresentationForms-A": 0xFB50...0xFDFF, "CombiningHalfMarks": 0xFE20...0xFE2F,
    "CJKCompatibilityForms": 0xFE30...0xFE4F, "SmallFormVariants": 0xFE50...0xFE6F,
    "ArabicPresentationForms-B": 0xFE70...0xFEFE, "Specials": 0xFEFF...0xFFFD,
    "HalfwidthandFullwidthForms": 0xFF00...0xFFEF,
  ]
}
