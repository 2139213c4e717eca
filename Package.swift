// swift-tools-version: 6.1
import PackageDescription

/// One setting for every target: Swift 6 mode with the upcoming features that make dependencies and isolation visible.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let memoryTracing = Target.Dependency.product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

/// A library target of ours.
func library(
  _ name: String, _ dependencies: [Target.Dependency], path: String? = nil, exclude: [String] = []
) -> Target {
  .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: settings)
}

/// An executable: argument parsing, one library behind it.
func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let package = Package(
  name: "swift-nso",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "NSOClient", targets: ["NSOClient"]),
    .library(name: "NSOTesting", targets: ["NSOTesting"]),
    .executable(name: "ncs", targets: ["ncs"]),
    .executable(name: "ncs_cli", targets: ["ncs_cli"]),
    .executable(name: "ncs_cmd", targets: ["ncs_cmd"]),
    .executable(name: "ncs_load", targets: ["ncs_load"]),
    .executable(name: "ncs-maapi", targets: ["ncs-maapi"]),
    .executable(name: "interface-statistics", targets: ["interface-statistics"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
  ],
  targets: [
    // C libraries.
    .systemLibrary(name: "CLibYang", pkgConfig: "libyang", providers: [.apt(["libyang2-dev"])]),
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    .systemLibrary(name: "CLibSSH", pkgConfig: "libssh", providers: [.apt(["libssh-dev"]), .brew(["libssh"])]),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"]), .brew(["openssl"])]),

    // Shared by both sides of a connection.
    library("ExternalTerm", ["CZlib", nioCore]),
    library("NSOModel", []),
    library("NSOTerminal", []),
    library("NSOSecrets", ["NSOModel", "CCrypt", "CCrypto"]),
    library("NSOTerms", ["NSOModel", "ExternalTerm", nioCore]),
    library("NSOWire", ["NSOModel", "NSOTerms", "ExternalTerm", nioCore, crypto]),

    // The client side.
    library("NSOClient", ["NSOModel", "NSOSecrets", "NSOTerms", "NSOWire", "ExternalTerm", nioCore, nioPosix, logging]),

    // The daemon side.
    library("NSOSchema", ["NSOModel", "CLibYang"]),
    library("NSOXPath", ["NSOModel", "NSOSchema"]),
    library("NSOValidation", ["NSOModel", "NSOSchema", "NSOXPath"]),
    library("NSOStore", ["NSOModel", "NSOSchema", "CLMDB", crypto]),
    library("NSODocument", ["NSOModel", "CExpat"]),
    library(
      "NSOEngine",
      [
        "NSOModel", "NSOSecrets", "NSOTerms", "NSOWire", "ExternalTerm", "NSOSchema", "NSOStore", "NSODocument", "NSOXPath",
        "NSOValidation", nioCore, nioPosix, logging, tracing,
      ]),
    library("NSONetconf", ["NSOModel", "NSODocument", "NSOEngine", "NSOSchema", nioCore, nioPosix, logging]),
    library("NSOCLI", ["NSOModel", "NSOEngine", "NSOSchema", "NSOStore", nioCore, nioPosix, logging]),
    library(
      "NSOServer",
      [
        "NSOCLI", "NSOModel", "NSOSecrets", "NSOEngine", "NSOSchema", "NSOWire", "NSOTerms", "ExternalTerm", nioCore, nioPosix,
        logging,
        deque,
      ]),
    library(
      "NSOSSH",
      ["NSOCLI", "NSOEngine", "NSOModel", "NSOTerminal", "NSOWire", "CLibSSH", nioPosix, logging]),
    library(
      "NSODaemon",
      [
        "NSOServer", "NSOCLI", "NSONetconf", "NSOSSH", "NSOEngine", "NSOSecrets", "NSOSchema", "NSOStore", "NSODocument",
        "NSOWire",
        "NSOModel",
        nioCore,
        nioPosix, logging,
      ],
      exclude: ["YANG"]),
    library("NSOTools", ["NSOClient", "NSOTerminal", "NSOModel", "NSOWire", "CZlib", logging, nioCore, nioPosix]),
    library("NSOTesting", ["NSODaemon", "NSOClient", "NSOWire"]),

    tool("ncs", ["NSODaemon", "NSOTools", "NSOClient", "NSOModel"]),
    tool("ncs_cli", ["NSOTools"]),
    tool("ncs_cmd", ["NSOTools"]),
    tool("ncs_load", ["NSOTools"]),
    tool("ncs-maapi", ["NSOTools"]),
    .executableTarget(
      name: "interface-statistics", dependencies: ["NSOClient", "NSOModel", "NSOWire"],
      path: "Examples/interface-statistics/Sources", swiftSettings: settings),

    // Random numbers that tests can repeat, and waiting with a limit.
    library("TestSupport", [], path: "Tests/TestSupport"),
    tests("ExternalTermTests", ["ExternalTerm", "TestSupport", nioCore]),
    tests("NSOModelTests", ["NSOModel"]),
    tests("NSOSecretsTests", ["NSOSecrets"]),
    tests(
      "NSOWireTests", ["NSOWire", "NSOTerms", "NSOModel", "ExternalTerm", "TestSupport", nioCore],
      resources: [.copy("Vectors")]),
    tests("NSOSchemaTests", ["NSOSchema", "NSOModel", "TestSupport"], resources: [.copy("Models")]),
    library("NSOXPathTestSupport", ["NSOModel", "NSOSchema", "NSOXPath", "NSODocument"], path: "Tests/NSOXPathTestSupport"),
    tests("NSOXPathTests", ["NSOXPath", "NSOXPathTestSupport", "TestSupport", "NSOSchema", "NSOModel"]),
    tests("NSOValidationTests", ["NSOValidation", "NSOXPath", "NSOXPathTestSupport", "TestSupport", "NSOSchema", "NSOModel"]),
    // The process that the store's tests kill.
    .executableTarget(
      name: "NSOStoreCrasher", dependencies: ["NSOStore"], path: "Tests/NSOStoreCrasher", swiftSettings: settings),
    tests("NSOStoreTests", ["NSOStore", "NSOSchema", "NSOModel", "NSOStoreCrasher", "TestSupport"]),
    tests("NSODocumentTests", ["NSODocument", "NSOModel", "TestSupport"]),
    tests("NSOEngineTests", ["NSOEngine", "NSOSecrets", "NSOXPath", "NSOSchema", "NSOStore", "NSOModel", "TestSupport"]),
    tests(
      "NSONetconfTests",
      [
        "NSONetconf", "NSOEngine", "NSOSchema", "NSOStore", "NSODocument", "NSOModel", "TestSupport", nioCore, nioPosix,
        logging,
      ]),
    tests("NSOCLITests", ["NSOCLI", "NSOEngine", "NSOSchema", "NSOStore", "NSOModel", logging]),
    tests(
      "NSOServerTests",
      [
        "NSOServer", "NSOSecrets", "NSOEngine", "NSOSchema", "NSOStore", "NSOWire", "NSOTerms", "ExternalTerm", "NSOModel",
        "TestSupport", nioCore, nioPosix,
        nioEmbedded, logging, tracing, memoryTracing,
      ]),
    tests("NSOClientTests", ["NSOClient", "NSOWire", "NSOTerms", "NSOModel", "ExternalTerm", nioCore, nioPosix]),
    tests("NSOToolsTests", ["NSOTools", "NSOClient", "NSOWire", "NSOModel", nioCore]),
    tests("NSODaemonTests", ["NSODaemon", "NSOEngine", "NSOServer", "NSOWire", "NSOModel", logging]),
    tests("NSOTestingTests", ["NSOTesting", "TestSupport", "NSODaemon", "NSOClient", "NSOWire", "NSOModel"]),
    // The data provider that end-to-end tests kill, stop and slow down.
    .executableTarget(
      name: "NSOFaultyProvider", dependencies: ["NSOClient", "NSOModel", "NSOWire"], path: "Tests/NSOFaultyProvider",
      swiftSettings: settings),
    tests(
      "EndToEndTests",
      [
        "NSOClient", "NSOSecrets", "NSOWire", "NSOModel", "ncs", "ncs_cli", "ncs_cmd", "ncs_load", "ncs-maapi",
        "interface-statistics", "NSOFaultyProvider", "TestSupport", "CLibSSH",
      ]),
  ]
)

// `NSO_ONLY=NSOStore,NSOSchema swift test` builds those rooms, what they stand on, and their tests: quick rounds on a small machine.
if let only = Context.environment["NSO_ONLY"], !only.isEmpty {
  var wanted = Set(only.split(separator: ",").map(String.init))
  // Measurements of one room, built only when named.
  if wanted.contains("NSOStoreBench") {
    package.targets.append(
      .executableTarget(
        name: "NSOStoreBench", dependencies: ["NSOStore", "NSOSchema", "NSOModel"], path: "Tests/NSOStoreBench",
        swiftSettings: settings))
  }
  wanted.formUnion(wanted.map { $0 + "Tests" })
  let byName = Dictionary(uniqueKeysWithValues: package.targets.map { ($0.name, $0) })
  var open = Array(wanted)
  while let name = open.popLast() {
    for dependency in byName[name]?.dependencies ?? [] {
      if case .byNameItem(let needed, _) = dependency, wanted.insert(needed).inserted { open.append(needed) }
    }
  }
  package.targets = package.targets.filter { wanted.contains($0.name) }
  package.products = []
}
