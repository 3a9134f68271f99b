import Glibc

// bench-count FILE [order|any] [pause]
//
// Reads, decodes and counts a file with every family and window on, through the code that `replay` runs, from fixed seeds,
// and prints totals. With `pause`, also how long taking the readings of a scrape stops counting.

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
  print("usage: bench-count FILE [order|any] [pause]")
  exit(2)
}
exit(run(path: arguments[1], speculatesOrder: !arguments.contains("any"), measuresPause: arguments.contains("pause")))
