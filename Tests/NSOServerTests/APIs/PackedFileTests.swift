import Foundation
import NSOEngine
import NSOModel
import NSOWire
import Testing

@testable import NSOServer

@Suite struct PackedFileTests {
  /// 45 sites, made by the rules of compress with codes of up to 12 bits; `gzip -dc` reads it.
  private static let compressed = """
    H52MPOCwCeOGDgg8bdi4mdNDRB05bnSUwaNDIEE6InzwmJOGThmNacj4GGNmDBkZMHDQyFGDTA0eL0JqfMHRo8aaH3nIHENjTBgaMmbgCANDTA\
    6YMmHivNkx504cMcrckIGDTA4yPZGKVNqUqU2dIsuMGSNmDI4bZWiIqTFG68ylG7uC9RHmrBkzNm7kCCPDzAy3XL/ClZmWTJgZYm6YEVO2DGCa\
    cgeLjJE3B4wcMcbUqIvjMVzJPnCYiUEjbY2SZcqE8RxZ7s4cZmCYwcFycY7OMbdCFuxaJA22NHCMLSODOBnWvL/KJDPDKg0aNnDAkPETeU7QNm\
    rEkCEGa/McPq17dSpyDMowWMncsGGmzNHcb1srL699TNoYMMZspyE+7ny6YYgxQ1C0ycBdW/AFdl1vPuQghl+ZKRabDTL0B9oYN9Bg1Q1iwBBV\
    GI4luNuC/90AQxlmkGFGcWM4CIOFDLK3koFm/FZDdDD+F0NsZTSHXg5AvijiZwzeNtoMJuIgA34x5EieDzNodtUYMARXBg64JTXieCCJJIYN6u\
    V10mxlHDekfE8iaUMOUZaUoXROdunDjqORIVWGMMDw0pnJPYkDcTnYQFReh90Q51yl3TCgfcxB9xefJD45nVQ0jHYiDAMeKtMMM0h1WmxXkWGD\
    piLZoNpeYsQgRhhEhaglkf/NQEMMipIlVGyGQsrlXPoJWsOAsv2U66toymnDDDZoOENsNbJE6pxKilFGfmyRYdKzPa6Jw68qrjeqrv49mZlQUT\
    JX1A0IEtunnDGAFwZpUql27LNh1PBgi9PqlSy9Ndxwg6r2sUncs6LeQMZQYlTaU5Pggibqbzmg1GNtz8pKWRg3nNaTavTGQEZ+puKw7HTP0loG\
    hZSxZ9ae6kYqpxn/+ktZlCI/2vJMFhXkAw==
    """

  @Test func `packed files are unpacked as they are read`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      let packed = try #require(Data(base64Encoded: Self.compressed))
      let file = daemon.folder("sites.Z")
      try packed.write(to: URL(filePath: file))
      func load(_ file: String) throws -> Int64 {
        let handle = try client.start()
        defer { try? client.done(.stopTransaction, handle) }
        try client.done(.loadConfigFile([.xml], file: file), handle)
        return try client.integer(.numInstances(Keypath.plant(.tag("site")).wire), handle)
      }
      #expect(try load(file) == 45)
      // Through gzip, in two members.
      func run(_ command: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
      }
      let folder = daemon.folder("")
      try run(
        "cd '\(folder)' && gzip -dc sites.Z > sites.xml && head -c 500 sites.xml | gzip > sites.gz && tail -c +501 sites.xml | gzip >> sites.gz"
      )
      #expect(try load(daemon.folder("sites.gz")) == 45)
      // What ends in the middle, or is something else.
      try run(
        "cd '\(folder)' && head -c 300 sites.gz > half.gz && cp sites.xml plain.gz && cp sites.xml plain.Z && : > none.gz")
      for name in ["half.gz", "plain.gz", "plain.Z", "none.gz"] {
        #expect(errorCode { _ = try load(daemon.folder(name)) } == .badConfig, "\(name)")
      }
      #expect(errorCode { _ = try load(daemon.folder("no.gz")) } == .noExists)
    }
  }

  @Test(.timeLimit(.minutes(10))) func `what is no file holds nobody up`() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.session()
      #expect(mkfifo(daemon.folder("pipe"), 0o600) == 0)
      for name in [daemon.folder("pipe"), "/dev/zero", daemon.folder("")] {
        let handle = try client.start()
        #expect(errorCode { try client.done(.loadConfigFile([.xml], file: name), handle) } == .operatingSystem, "\(name)")
        try client.done(.stopTransaction, handle)
      }
    }
  }
}
