#!/usr/bin/env python3
"""Tests of the benchmarks themselves: python3 -m unittest discover Benchmarks"""
import collections
import json
import random
import unittest

import exposition
import instructions
import run
import series
import totals

EXPECT = {
    "events": 40, "bytes": 4000,
    "requests_by_code": {"200": 20, "401": 5, "403": 12, "503": 2},
    "requests_by_verb": {"get": 30, "create": 9},
    "unauthorized_by_user_and_ip": [{"user": "", "source_ip": "10.0.0.1", "count": 4},
                                    {"user": "eve", "source_ip": "10.0.0.1", "count": 1}],
    "unauthorized_by_kind": {"failed_authentication": 4, "with_user": 1},
    "forbidden_by_user_and_ip": [{"user": 'he said "hi" \\o/', "source_ip": "10.0.0.2", "count": 7},
                                 {"user": "(other)", "source_ip": "2001:db8:0:1::7", "count": 2},
                                 {"user": "(other)", "source_ip": "2001:db8:0:1::8", "count": 3}],
    "forbidden_by_kind": {"authorization": 9, "admission": 2, "unannotated": 1},
    "server_errors_by_code": {"503": 2},
    "rbac_mutations_attempted": {"roles/create": 3, "rolebindings/patch": 1},
    "rbac_mutations_succeeded": {"roles/create": 2},
}

EXPOSED = r'''# TYPE kube_audit_requests counter
kube_audit_events_rejected_total{input="replay",reason="not_json"} 0
kube_audit_events_rejected_total{input="replay",reason="cut"} 0.0
kube_audit_events_received_total{input="replay"} 40
kube_audit_requests_total{k8s_cluster="a",verb="get",code="200"} 11
kube_audit_requests_total{k8s_cluster="b",verb="get",code="200"} 9
kube_audit_requests_total{k8s_cluster="b",verb="get",code="401"} 5
kube_audit_requests_total{k8s_cluster="b",verb="get",code="403"} 5
kube_audit_requests_total{k8s_cluster="b",verb="create",code="403"} 7
kube_audit_requests_total{k8s_cluster="b",verb="create",code="503"} 2
kube_audit_requests_total{k8s_cluster="b",verb="create",code="unknown"} 0
kube_audit_denied_requests_total{code="401",reason="authentication",user="(unauthenticated)",source_ip="10.0.0.1"} 4
kube_audit_denied_requests_total{code="401",reason="backend",user="eve",source_ip="10.0.0.1"} 1
kube_audit_denied_requests_total{code="403",reason="authorization",user="he said \"hi\" \\o/",source_ip="10.0.0.2"} 7
kube_audit_denied_requests_total{code="403",reason="authorization",user="\\(other)",source_ip="2001:db8:0:1::7"} 2.0
kube_audit_denied_requests_total{code="403",reason="admission",user="\\(other)",source_ip="2001:db8:0:1::/64"} 2
kube_audit_denied_requests_total{code="403",reason="impersonation",user="\\(other)",source_ip="2001:db8:0:1::/64"} 1
kube_audit_server_errors_total{code="503",verb="create",resource="pods"} 2
kube_audit_rbac_mutations_total{resource="roles",verb="create",user="a",outcome="success"} 2
kube_audit_rbac_mutations_total{resource="roles",verb="create",user="b",outcome="denied"} 1
kube_audit_rbac_mutations_total{resource="rolebindings",verb="patch",user="b",outcome="error"} 1 1600000000.1
# EOF
'''


class Exposition(unittest.TestCase):
    def test_reads_back_what_is_escaped(self):
        random_source = random.Random(7)
        for _ in range(500):
            value = "".join(random_source.choices('ab"\\\n{},=µ ', k=random_source.randrange(12)))
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            line = 'x_total{a="%s",b="%s"} 12 1.5' % (escaped, escaped)
            self.assertEqual(list(exposition.samples(line)), [("x_total", {"a": value, "b": value}, 12.0)])

    def test_refuses_what_is_no_sample(self):
        for line in ('x{a="b} 1', 'x{a=b} 1', 'x{a="b" c="d"} 1', 'x{a="\\q"} 1', '{} 1', 'x{a="b"'):
            with self.assertRaises((ValueError, IndexError), msg=line):
                list(exposition.samples(line))


class Totals(unittest.TestCase):
    expected = totals.expected_totals(EXPECT)

    def test_the_exporter_agrees_when_it_folds_a_crowded_network(self):
        got = totals.read_exporter(EXPOSED)
        self.assertEqual(totals.differences(got, self.expected, tuple(got)), [])

    def test_any_changed_sample_is_found(self):
        lines = EXPOSED.splitlines()
        for at, line in enumerate(lines):
            if line.startswith("#"):
                continue
            start, _, count = line.partition("} ")
            changed = lines[:at] + ["%s} %d" % (start, float(count.split()[0]) + 1)] + lines[at + 1:]
            got = totals.read_exporter("\n".join(changed))
            self.assertTrue(totals.differences(got, self.expected, tuple(got)), msg=line)

    def test_a_table_gives_whole_groups_or_sums(self):
        whole = "events\t40\nrequests\tget\tpods\t200\t20\nserver_errors\t503\t2\n"
        got = totals.read_table(whole)
        self.assertEqual(got["requests_by_code"], {("200",): 20})
        self.assertEqual(len(totals.differences(got, self.expected, ("events",))), 2)
        sums = totals.read_table("events\t40\nrequests\t39\ndenied\t17\nserver_errors\t2\nrbac\t4\n")
        self.assertEqual(totals.differences(sums, self.expected, ("events", "requests", "denied")), [])
        self.assertEqual(len(totals.differences(totals.read_table("requests\t38\n"), self.expected, ("events",))), 2)

    def test_mtail_is_read_behind_its_log_lines(self):
        rows = [{"Labels": ["503"], "Value": {"Value": 2}}]
        got = totals.read_mtail("W something\n" + json.dumps({"server_errors": [{"LabelValues": rows}]}))
        self.assertEqual(totals.differences(got, self.expected, ("server_errors",)), [])


class Judging(unittest.TestCase):
    def verdicts(self, value, recorded, allocated=0.0):
        baseline = {"tolerance": 0.02, "limits": {"instructions": {"order/mixed": 1000}, "allocations": 0.05},
                    "recorded": {"instructions": {"order/mixed": recorded}, "allocations": {"order/mixed": 0.0001}}}
        figures = {"instructions": {"order/mixed": value}, "allocations": {"order/mixed": allocated}}
        return [row[-1] for row in instructions.compared(figures, baseline)]

    def test_two_percent_either_way_are_let_pass(self):
        self.assertEqual(self.verdicts(509, 500)[0], "as recorded")
        self.assertEqual(self.verdicts(511, 500)[0], "WORSE")
        self.assertEqual(self.verdicts(491, 500)[0], "as recorded")
        self.assertEqual(self.verdicts(489, 500)[0], "better: record it")
        self.assertEqual(self.verdicts(1001, 1001)[0], "as recorded, ABOVE THE LIMIT")
        self.assertEqual(self.verdicts(500, None)[0], "NOT RECORDED")
        self.assertEqual([self.verdicts(500, 500, a)[1] for a in (0.0, 0.001, 0.002, 0.06)],
                         ["as recorded", "as recorded", "WORSE", "WORSE, ABOVE THE LIMIT"])

    def test_ratios_are_of_one_run(self):
        figures = {"%s/%s" % (way, profile): cost for profile in ("mixed", "metadata")
                   for way, cost in (("order", 1000), ("rules", 2000 if profile == "mixed" else 2001))}
        self.assertEqual([row[-1] for row in instructions.ratios(figures, {"rules/order": 2.0})],
                         ["within the limit", "ABOVE THE LIMIT"])

    def test_goals(self):
        costs = {"exporter": 400, "mtail": 19600, "lines": 100, "simdjson-avx2": 1080, "count-any": 1000}
        rows = {name: {"cpu_ns_per_event": cost} for name, cost in costs.items()}
        states = {(goal["ours"], goal["theirs"]): (goal["ratio"], goal["state"]) for goal in run.judged({"mixed": rows})}
        self.assertEqual(states, {
            ("exporter", "mtail"): (49, "within the allowance"), ("exporter", "lines"): (4.0, "MISSED"),
            ("exporter", "simdjson-avx2"): (2.7, "stretch"), ("count-any", "simdjson-avx2"): (1.08, "reached")})


class Series(unittest.TestCase):
    def test_nobody_holds_more_than_a_share(self):
        for count in (10, 11, 99, 100, 4333, 4334, 4500):
            made = series.pairs(count)
            self.assertEqual(len(set(made)), count)
            for member in (0, 1):
                most = collections.Counter(pair[member] for pair in made).most_common(1)[0][1]
                self.assertLessEqual(most, series.IPS_PER_USER)


if __name__ == "__main__":
    unittest.main()
