import Glibc
import Testing

/// `scripts/setup` on machines where something is missing, as an ordinary user: it changes nothing and says what to install, all at
/// once. The machine is a folder of programs, which is all of its PATH.
@Suite struct SetupScriptTests {
  private let machine: Instance

  init() throws {
    machine = try Instance()
    for name in ["bash", "dirname", "sed", "mkdir", "mktemp", "rm"] {
      let target = ["/usr/bin/", "/bin/"].map { $0 + name }.first { access($0, X_OK) == 0 }
      mkdir(machine.path + "/bin", 0o755)
      symlink(try #require(target), machine.path + "/bin/" + name)
    }
    for name in ["common.sh", "setup"] {
      try machine.write(
        "project/scripts/" + name, try machine.read("scripts/" + name, in: Instance.project), mode: 0o755)
    }
    try program("swift", "exit 0")
    try program("apt-get", "echo apt-get must not run >&2; exit 1")
    try program("id", "echo 1000")
    try program("pkg-config", "exit 0")
    try program("python3", "exit 0")
  }

  private func program(_ name: String, _ body: String) throws {
    try machine.write("bin/" + name, "#!/bin/sh\n\(body)\n", mode: 0o755)
  }

  private func without(_ name: String) { unlink(machine.path + "/bin/" + name) }

  private func setup(_ variables: [String: String] = [:]) async throws -> ChildProcess.Result {
    let bin = machine.path + "/bin"
    return try await ChildProcess.run(
      bin + "/bash", [machine.path + "/project/scripts/setup"],
      environment: ["PATH": bin, "HOME": machine.path].merging(variables) { $1 })
  }

  @Test func everythingIsThere() async throws {
    let result = try await setup(["NSO_YANG_DIR": "/modules"])
    #expect(result.code == 0 && result.errors == "", "\(result.errors)")
  }

  @Test func packagesAreMissing() async throws {
    try program("pkg-config", "case \"$2\" in lmdb|expat) exit 1;; esac; exit 0")
    let result = try await setup(["NSO_YANG_DIR": "/modules"])
    #expect(result.code == 1)
    // A line of its own, to be copied.
    #expect(result.errors.contains("\n    sudo apt-get install liblmdb-dev libexpat1-dev\n"), "\(result.errors)")
    #expect(!machine.exists("project/var"))
  }

  @Test func pipIsMissingToo() async throws {
    try program("pkg-config", "case \"$2\" in lmdb) exit 1;; esac; exit 0")
    for python in ["exit 1", nil] {
      if let python { try program("python3", python) } else { without("python3") }
      let result = try await setup()
      #expect(result.code == 1)
      #expect(result.errors.contains("\n    sudo apt-get install liblmdb-dev python3-pip\n"), "\(result.errors)")
      #expect(result.errors.contains("NSO_YANG_DIR"), "\(result.errors)")
    }
  }

  @Test func anotherSystemThanDebian() async throws {
    without("apt-get")
    without("pkg-config")
    let result = try await setup(["NSO_YANG_DIR": "/modules"])
    #expect(result.code == 1)
    for word in ["pkg-config", "libyang", "lmdb", "expat", "libpcre2-8", "zlib"] {
      #expect(result.errors.contains(word), "\(result.errors)")
    }
    #expect(!result.errors.contains("sudo apt-get"))
  }

  @Test func swiftIsMissing() async throws {
    without("swift")
    let result = try await setup(["NSO_YANG_DIR": "/modules"])
    // It may be in one of the usual places.
    #expect(result.code == 0 || result.errors.contains("https://www.swift.org/install"), "\(result.errors)")
  }

  /// A pip that brings nothing usable: said, and nothing half is left.
  @Test func theDownloadFails() async throws {
    try program("python3", "case \"$*\" in *download*) exit 1;; esac; exit 0")
    let result = try await setup()
    #expect(result.code == 1 && result.errors.contains("could not download pyang"), "\(result.errors)")
    let left = try await ChildProcess.run("/bin/ls", ["-A", machine.path + "/project/var"], environment: [:])
    #expect(left.output == "", "\(left.output)")
  }
}
