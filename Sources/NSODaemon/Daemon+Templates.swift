import Dispatch
import Logging
import NSODocument
import NSOEngine
import NSOModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Configuration templates: where they are, and when they are read.
extension Daemon {
  /// Reads all templates again. A faulty one does not stop the daemon: the log and the status say what is wrong with it, and so is
  /// everybody told who applies it.
  func loadTemplates() async {
    await withCheckedContinuation { continuation in
      Self.templateQueue.async {
        self.readTemplates()
        continuation.resume()
      }
    }
  }

  /// Reading takes its time, and what is read later is newer.
  private static let templateQueue = DispatchQueue(label: "templates")

  private func readTemplates() {
    // They belong to the modules in use.
    let upgraded = state.withLock { $0.upgradedLoadPath }
    let found = TemplateFolders.files(upgraded.isEmpty ? startConfiguration.loadPath : upgraded)
    for warning in found.warnings { log.write(level: .warning, text: "templates: \(warning)") }
    for fault in engine.templates.replace(found.files, for: engine.model) {
      log.write(level: .warning, text: "faulty template \(fault)")
    }
  }
}

/// Finds templates: below the folder `templates` of each directory of the load path, and of the package that it is part of when it is
/// called `load-dir` or `yang`.
enum TemplateFolders {
  /// Folders inside one another.
  private static let depth = 16

  static func files(_ loadPath: [String]) -> (files: [TemplateFile], warnings: [String]) {
    var files: [TemplateFile] = []
    var warnings: [String] = []
    var seen: Set<String> = []
    for directory in loadPath {
      guard let whole = resolved(directory) else { continue }
      var packages = [whole]
      if ["load-dir", "yang"].contains(lastPart(of: whole)), let slash = whole.lastIndex(of: "/"), slash > whole.startIndex {
        packages.append(String(whole[..<slash]))
      }
      for package in packages {
        guard let folder = resolved(package + "/templates"), seen.insert(folder).inserted else { continue }
        read(folder, prefix: "", package: lastPart(of: package), depth: 1, &seen, &files, &warnings)
      }
    }
    return (files, warnings)
  }

  private static func read(
    _ folder: String, prefix: String, package: String, depth: Int, _ seen: inout Set<String>,
    _ files: inout [TemplateFile], _ warnings: inout [String]
  ) {
    guard let names = Directory.names(in: folder) else { return warnings.append("\(folder) cannot be read: \(errorText)") }
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where !name.hasPrefix(".") {
      let path = folder + "/" + name
      var status = stat()
      guard stat(path, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        // Each folder once: links may lead anywhere, also back.
        guard let real = resolved(path), seen.insert(real).inserted else { continue }
        guard depth < Self.depth else {
          warnings.append("\(path) is left out: it is more than \(Self.depth) folders deep")
          continue
        }
        read(path, prefix: prefix + name + "/", package: package, depth: depth + 1, &seen, &files, &warnings)
      } else if status.st_mode & S_IFMT == S_IFREG, name.hasSuffix(".xml") {
        guard files.count < TemplateLimits.files else {
          return warnings.append("\(folder): there are more than \(TemplateLimits.files) templates; the rest is left out")
        }
        files.append(
          TemplateFile(package: package, name: prefix + name.dropLast(".xml".count), path: path, content: contents(of: path)))
      }
    }
  }

  private static func contents(of path: String) -> Result<[UInt8], NSOError> {
    do {
      return .success(try DocumentFile.contents(path, limit: TemplateLimits.fileSize))
    } catch let error as FileError where error.number == EFBIG {
      return .failure(NSOError(.resourceDenied, "the file has more than \(TemplateLimits.fileSize) bytes"))
    } catch {
      return .failure(NSOError(.operatingSystem, "\(error)"))
    }
  }

  /// Without links and dots; nil when there is no such file.
  private static func resolved(_ path: String) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }

  private static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "/" }

  private static var errorText: String { String(cString: strerror(errno)) }
}
