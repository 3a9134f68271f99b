import Concurrency
import Glibc
import Testing

@Suite struct FilesTests {
  /// A name in a directory that is made anew for each test.
  private func scratch() -> String {
    var template = Array("/tmp/kae-files-XXXXXX".utf8CString)
    _ = unsafe mkdtemp(&template)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func write(_ path: String, _ text: String, _ flag: Int32 = O_TRUNC) {
    let raw = unsafe open(path, O_WRONLY | O_CREAT | flag, 0o644)
    _ = unsafe Glibc.write(raw, text, text.utf8.count)
    close(raw)
  }

  private func remove(_ directory: String, _ names: [String]) {
    for name in names { _ = unsafe unlink(directory + "/" + name) }
    _ = unsafe rmdir(directory)
  }

  @Test func factsTellFilesApart() throws {
    let directory = scratch()
    defer { remove(directory, ["a", "b", "c"]) }
    write(directory + "/a", "12345")
    write(directory + "/b", "")
    _ = unsafe symlink(directory + "/a", directory + "/c")
    let a = try FileFacts(path: directory + "/a")
    #expect(a.size == 5 && a.isRegular && !a.isDirectory && a.links == 1 && a.modified > 1_600_000_000_000_000_000)
    #expect(try FileFacts(path: directory + "/b").key != a.key)
    #expect(try FileFacts(path: directory + "/c") == a)
    #expect(try FileFacts(path: directory).isDirectory)
    let file = try FileDescriptor.open(reading: directory + "/a")
    _ = unsafe unlink(directory + "/a")
    #expect(try file.facts.links == 0)
    #expect(try file.facts.key == a.key)
    let error = #expect(throws: SystemError.self) { _ = try FileFacts(path: directory + "/a") }
    #expect(error?.code == ENOENT)
    #expect(error?.text == "No such file or directory")
  }

  /// Reads on at `offset` after `tail`; nil when the content is another.
  private func follow(_ path: String, _ offset: Int, _ tail: String) throws -> String? {
    let file = try FileDescriptor.open(reading: path)
    var room = [UInt8](repeating: 0, count: 100)
    var count: Int?
    var problem: SystemError?
    unsafe room.withUnsafeMutableBytes { room in
      do throws(SystemError) { count = try unsafe file.read(at: offset, after: Array(tail.utf8), into: room) } catch {
        problem = error
      }
    }
    if let problem { throw problem }
    return count.map { String(decoding: room.prefix($0), as: UTF8.self) }
  }

  @Test func readingOnSeesAnotherContent() throws {
    let directory = scratch()
    defer { remove(directory, ["a"]) }
    let path = directory + "/a"
    write(path, "one two")
    #expect(try follow(path, 0, "") == "one two")
    #expect(try follow(path, 4, "one ") == "two")
    #expect(try follow(path, 7, "two") == "")
    write(path, " three", O_APPEND)
    #expect(try follow(path, 7, "two") == " three")
    write(path, "one")
    #expect(try follow(path, 7, "two") == nil)
    write(path, "one six nine")
    #expect(try follow(path, 7, "two") == nil)
  }

  @Test func holesAreFound() throws {
    let directory = scratch()
    defer { remove(directory, ["a"]) }
    write(directory + "/a", "")
    let raw = unsafe open(directory + "/a", O_WRONLY)
    #expect(unsafe pwrite(raw, "x", 1, 10 << 20) == 1)
    close(raw)
    let file = try FileDescriptor.open(reading: directory + "/a")
    let next = file.nextData(from: 0)
    let none = file.nextData(from: 20 << 20)
    #expect((next ?? -1) >= 0 && (next ?? .max) <= 10 << 20)
    #expect(none == nil)
  }

  @Test func namesAreListed() throws {
    let directory = scratch()
    let names = (0..<500).map { "file \($0) ä" }
    defer { remove(directory, names) }
    for name in names { write(directory + "/" + name, "") }
    var listing = try DirectoryListing(directory)
    var found: Set<String> = []
    while let entry = try listing.next() {
      #expect(!entry.mayBeDirectory)
      #expect(found.insert(entry.name).inserted)
    }
    #expect(found == Set(names))
    #expect(throws: SystemError.self) { _ = try DirectoryListing(directory + "/none") }
  }

  @Test func changesAreTold() throws {
    let directory = scratch()
    defer { remove(directory, ["a", "b"]) }
    var watch = try DirectoryWatch()
    watch.add(directory)
    #expect(watch.changes() == DirectoryWatch.Changes())
    write(directory + "/a", "1")
    #expect(watch.changes().paths == [directory + "/a"])
    write(directory + "/a", "2", O_APPEND)
    _ = unsafe rename(directory + "/a", directory + "/b")
    #expect(watch.changes().paths == [directory + "/a", directory + "/b"])
    #expect(watch.changes() == DirectoryWatch.Changes())
  }

  @Test func tooManyChangesAreSaidToBeTooMany() throws {
    let directory = scratch()
    let names = (0..<DirectoryWatch.pathsLimit + 10).map { "\($0)" }
    defer { remove(directory, names) }
    var watch = try DirectoryWatch()
    watch.add(directory)
    for name in names { write(directory + "/" + name, "") }
    let changes = watch.changes()
    #expect(changes.isOverflown)
    #expect(changes.paths.count == DirectoryWatch.pathsLimit)
  }
}
