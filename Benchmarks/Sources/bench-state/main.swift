internal import Counting
internal import Diagnostics
internal import State

// bench-state FOLDER [CHANGED [DIGESTS [COMMITS]]]
//
// Commits to a state of 26,000 series: how long a commit takes that changes so many of them, spread evenly, and adds so many
// digests of 16 bytes.

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
  print("usage: bench-state FOLDER [CHANGED [DIGESTS [COMMITS]]]")
  fatalExit(2)
}
func number(_ at: Int, _ fallback: Int) -> Int { arguments.count > at ? Int(arguments[at]) ?? fallback : fallback }
let (changed, digests, commits) = (number(2, 1_000), number(3, 4_000), number(4, 100))
do throws(Failure) {
  try run(folder: arguments[1], changed: changed, digests: digests, commits: commits)
} catch {
  print(error)
  fatalExit(1)
}
