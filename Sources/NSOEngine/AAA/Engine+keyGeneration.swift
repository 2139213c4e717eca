public import NSOModel
import NSOStore

/// Which generation of keys encrypted strings are encrypted with (protocol part 08, `encrypted-strings/key-rotation`). It is remembered with the
/// data: another one would not decrypt it. From the first start with keys on, not from the first encryption: clients that fetched the keys
/// store what they encrypted themselves.
extension Engine {
  private static let generationKey = Array("key-generation".utf8)

  /// The generation in use; nil until there were keys.
  public func rememberedKeyGeneration() throws(NSOError) -> Int? {
    try storeErrors { () throws(StoreError) in
      try stores.durable.snapshot().get(.meta, Self.generationKey).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
    }
  }

  /// The generation to use: the one of before, at the first time the highest.
  /// - Throws: BAD_CONFIG when that is not known any more.
  public func keyGeneration(among known: [Int]) throws(NSOError) -> Int {
    if let remembered = try rememberedKeyGeneration() {
      guard known.contains(remembered) else {
        throw NSOError(
          .badConfig,
          "encrypted-strings: this database began with keys of generation \(remembered); what is encrypted in it, by clients too, needs them, and ncs.conf does not have them any more; give them (-1: keys without generation)"
        )
      }
      return remembered
    }
    guard let highest = known.max() else { throw NSOError(.badConfig, "encrypted-strings: there are no keys") }
    var batch = WriteBatch()
    batch.put(.meta, Self.generationKey, Array("\(highest)".utf8))
    try storeErrors { () throws(StoreError) in _ = try stores.durable.commitAndWait(batch) }
    return highest
  }
}
