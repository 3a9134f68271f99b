import Glibc

// bench-delta [CHANGED]
//
// Fills counters with 26,000 series, changes CHANGED of them (1,000) again and again, and prints what it costs to hand over
// what changed, and to begin from all of it.

let arguments = CommandLine.arguments
guard arguments.count <= 2, let changed = Int(arguments.dropFirst().first ?? "1000"), changed > 0 else {
  print("usage: bench-delta [CHANGED]")
  exit(2)
}
exit(run(changed: changed))
