internal import NSOModel

extension Value {
  /// The number of a signed type; nil when the value is of another type.
  func signed(_ width: SchemaType.SignedWidth) -> Int64? {
    switch (width, self) {
    case (.int8, .int8(let number)): Int64(number)
    case (.int16, .int16(let number)): Int64(number)
    case (.int32, .int32(let number)): Int64(number)
    case (.int64, .int64(let number)): number
    default: nil
    }
  }

  func unsigned(_ width: SchemaType.UnsignedWidth) -> UInt64? {
    switch (width, self) {
    case (.uint8, .uint8(let number)): UInt64(number)
    case (.uint16, .uint16(let number)): UInt64(number)
    case (.uint32, .uint32(let number)): UInt64(number)
    case (.uint64, .uint64(let number)): number
    default: nil
    }
  }

  /// Nil when the number is too large for the type.
  init?(_ number: Int64, _ width: SchemaType.SignedWidth) {
    switch width {
    case .int8:
      guard let number = Int8(exactly: number) else { return nil }
      self = .int8(number)
    case .int16:
      guard let number = Int16(exactly: number) else { return nil }
      self = .int16(number)
    case .int32:
      guard let number = Int32(exactly: number) else { return nil }
      self = .int32(number)
    case .int64: self = .int64(number)
    }
  }

  init?(_ number: UInt64, _ width: SchemaType.UnsignedWidth) {
    switch width {
    case .uint8:
      guard let number = UInt8(exactly: number) else { return nil }
      self = .uint8(number)
    case .uint16:
      guard let number = UInt16(exactly: number) else { return nil }
      self = .uint16(number)
    case .uint32:
      guard let number = UInt32(exactly: number) else { return nil }
      self = .uint32(number)
    case .uint64: self = .uint64(number)
    }
  }
}
