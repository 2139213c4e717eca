import NSOModel
import NSOSchema
import NSOValidation
import NSOXPath
import NSOXPathTestSupport
import Testing

typealias TestValidator = Validator<MemoryStorage>

/// What a validation of everything says: the code of the first failure, NOEXISTS when something had to be removed.
func verdict(_ index: ConstraintIndex, _ storage: MemoryStorage) throws -> (ErrorCode?, String) {
  let outcome = try TestValidator(index, old: storage, new: storage.copy()).validateAll()
  if !outcome.removed.isEmpty { return (.noExists, "removed") }
  return (outcome.failures.first?.error.code, outcome.failures.first?.description ?? "")
}

@Suite struct CorpusTests {
  @Test(arguments: corpus) func corpusVerdicts(_ entry: CorpusCase) throws {
    let schema = try ModuleSet(entry.modules).schema()
    let index = ConstraintIndex(schema)
    #expect(index.errors.isEmpty, "\(index.errors)")
    #expect(index.warnings.isEmpty, "\(index.warnings)")
    for (xml, expected) in entry.data {
      let storage = try MemoryStorage(schema, xml: xml)
      let (code, text) = try verdict(index, storage)
      #expect(code == expected, "\(xml): \(text)")
    }
  }

  @Test(arguments: corpusOfTypes) func corpusOfTypesVerdicts(_ entry: CorpusCase) throws {
    let schema = try ModuleSet(entry.modules).schema()
    for (xml, expected) in entry.data {
      var code: ErrorCode?
      do { _ = try MemoryStorage(schema, xml: xml) } catch is ValueError { code = .badType } catch is DataError {
        code = .badConfig
      }
      #expect(code == expected, "\(xml)")
    }
  }

  /// A second opinion on every case, so that the corpus says what the standard does, and not what we do.
  @Test(
    .enabled(if: Yanglint.isInstalled, "yanglint (Debian package libyang2-tools) is not installed"),
    arguments: (corpus + corpusOfTypes).filter(\.yanglintAgrees))
  func yanglintAgrees(_ entry: CorpusCase) throws {
    let modules = try ModuleSet(entry.modules)
    for (xml, expected) in entry.data {
      let (accepts, words) = try Yanglint.accepts(xml, modules)
      #expect(accepts == (expected == nil), "yanglint on \(xml): \(words)")
    }
  }

  /// A transaction that makes data out of nothing, and one that takes it from one state to another, find what a validation
  /// of everything finds.
  @Test(arguments: corpus) func changesFindTheSame(_ entry: CorpusCase) throws {
    let schema = try ModuleSet(entry.modules).schema()
    let index = ConstraintIndex(schema)
    let states = try ([""] + entry.data.map(\.xml)).map { ($0, try MemoryStorage(schema, xml: $0)) }
    for (oldXML, old) in states where try verdict(index, old).0 == nil {
      for (newXML, new) in states {
        let validator = TestValidator(index, old: old, new: new.copy())
        let outcome = try validator.validate(differences(old, new, validator.tree))
        let expected = try verdict(index, new)
        let code = outcome.removed.isEmpty ? outcome.failures.first?.error.code : .noExists
        #expect(code == expected.0, "\(oldXML) -> \(newXML): \(outcome.failures.first?.description ?? "")")
      }
    }
  }
}
