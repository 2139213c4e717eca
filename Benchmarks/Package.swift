// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that users of swift-nso never resolve or build it. `make bench` runs it.
let package = Package(
  name: "swift-nso-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-nso", path: ".."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .executableTarget(
      name: "ncs-bench",
      dependencies: [
        .product(name: "NSOClient", package: "swift-nso"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)])
  ]
)
