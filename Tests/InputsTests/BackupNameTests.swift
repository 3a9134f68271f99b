import Testing

@testable import Inputs

@Suite struct BackupNameTests {
  @Test(arguments: [
    ("audit.log.1", "audit.log"), ("audit.log.12.gz", "audit.log"), ("audit.log-20240131", "audit.log"),
    ("audit.log-20240131.gz", "audit.log"), ("audit.log.2024-01-31_00", "audit.log"), ("audit.log.gz", "audit.log"),
    ("audit-2021-03-09T00-12-19.834.log", "audit.log"), ("audit-2021-03-09T00-12-19.834.log.gz", "audit.log"),
    ("kube-apiserver-2021-03-09T00-12-19.834.log", "kube-apiserver.log"), ("node-1-20240131.log", "node-1.log"),
    ("noext.3", "noext"),
  ])
  func backups(name: String, live: String) { #expect(BackupName.liveNames(of: name).contains(live)) }

  @Test(arguments: ["audit.log", "audit", "1", ".1", "audit.", "", "-", "audit.log.bak", "a-b.log"])
  func noBackups(name: String) { #expect(BackupName.liveNames(of: name) == []) }

  @Test(arguments: [
    ("/var/log/*.log", "/var/log/a.log", true), ("/var/log/*.log", "/var/log/x/a.log", false),
    ("/var/log/*.log", "/var/log/.a.log", false), ("/var/[ab]/?.log", "/var/b/1.log", true),
    ("/var//log/./a.log", "/var/log/a.log", true), ("/var/log/a.log", "/var/log/b.log", false),
  ])
  func patterns(pattern: String, path: String, isMatch: Bool) {
    #expect(FilePattern(pattern, cluster: "").matches(path) == isMatch)
  }
}
