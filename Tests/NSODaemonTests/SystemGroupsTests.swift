import Testing

@testable import NSODaemon

@Suite struct SystemGroupsTests {
  @Test func `the primary group counts, and comes first`() throws {
    let folder = try TemporaryDirectory()
    let groups = try folder.write(
      "group", "wheel:x:10:ada, bob\nstaff:x:50:\nops:x:60:ada,carol\nbroken\n:x:70:ada\nalias:x:50:bob\n")
    let users = try folder.write(
      "passwd", "ada:x:1000:50:Ada:/home/ada:/bin/sh\ncarol:x:1001:60::/:/bin/sh\ndave:x:1002:99::/:/bin/sh\nshort:x:1:50\n")
    #expect(
      SystemGroups.read(groupFile: groups, userFile: users) == [
        "ada": ["staff", "wheel", "ops"], "bob": ["wheel", "alias"], "carol": ["ops"],
      ])
    #expect(SystemGroups.read(groupFile: folder.path + "/none", userFile: users).isEmpty)
  }
}
