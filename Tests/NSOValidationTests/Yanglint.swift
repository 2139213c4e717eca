import NSOXPathTestSupport

#if canImport(Glibc)
  import Glibc
#endif

/// The command-line validator of libyang, a second opinion.
enum Yanglint {
  static let isInstalled = system("command -v yanglint > /dev/null 2>&1") == 0

  /// Whether it takes the data for valid, and what it says.
  static func accepts(_ xml: String, _ modules: ModuleSet) throws -> (Bool, String) {
    let path = modules.directory + "/data.xml"
    try ModuleSet.write("<?xml version=\"1.0\"?>" + xml, to: path)
    defer { unlink(path) }
    let files = modules.files.joined(separator: " ")
    let command = "yanglint -i -t config -p \(modules.directory) -p \(ModuleSet.standardModules) \(files) \(path) 2>&1"
    guard let pipe = popen(command, "r") else { throw DataError(description: "cannot run yanglint") }
    var output: [UInt8] = []
    while case let byte = fgetc(pipe), byte != EOF { output.append(UInt8(truncatingIfNeeded: byte)) }
    let status = pclose(pipe)
    return (status == 0, String(decoding: output, as: UTF8.self))
  }
}
