import Glibc

// bench-count FILE [order|any] [pause] [epochs] [evidence] [rules=RULES]
//
// Reads, decodes and counts a file with every family and window on, through the code that `replay` runs, from fixed seeds,
// and prints totals. With `pause`, also how long taking the readings of a scrape stops counting. With a file of detection
// rules, they are evaluated too. With `epochs`, what changed is taken every 4 MiB, as `serve` does for its state; with
// `evidence` events are kept besides.

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
  print("usage: bench-count FILE [order|any] [pause] [epochs] [evidence] [rules=RULES]")
  exit(2)
}
let rules = arguments.first { $0.hasPrefix("rules=") }.map { String($0.dropFirst("rules=".count)) }
exit(
  run(
    path: arguments[1],
    Ways(
      speculatesOrder: !arguments.contains("any"), measuresPause: arguments.contains("pause"),
      takesEpochs: arguments.contains("epochs"), keepsEvidence: arguments.contains("evidence"), rules: rules)))
