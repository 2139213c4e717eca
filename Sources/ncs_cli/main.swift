import NSOTools

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

exit(await CLITool.main(arguments: Array(CommandLine.arguments.dropFirst())))
