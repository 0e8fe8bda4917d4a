//! Policies on which engines tend to differ.

/// A policy: its modules and its entry points.
pub(crate) struct Tricky {
    pub(crate) modules: &'static [&'static str],
    pub(crate) entry_points: &'static [&'static str],
}

pub(crate) const TRICKY: &[Tricky] = &[
    // Documents replaced, also within one another and while something is remembered.
    Tricky {
        modules: &[r#"package a
            seen := input.x
            both := [input.x, input.y]
            base := data.base.p
            outer := [seen, inner, seen] if { true }
            inner := v if { v := seen with input.x as input.y }
            twice := [a, b, c] if {
                a := both
                b := both with input.x as 1 with input.y as seen
                c := both
            }
            overlay := [data.base.p, x, y, base] if {
                x := data.base with data.base.p as input.x
                y := base with data.base.p as input.y
            }
            grown := [x, data.base.new] if { x := data.base.new.deep with data.base.new.deep as input.x }
            grown := "none" if { not data.base.new.deep }
            under := x if { x := input with input.x.y.z as input.n }
            replaced := x if { x := [input.x, seen] with input as {"x": input.y} }
            undone contains v if { some v in input.list; not v == seen with input.x as v }
            leaves := v if { v := pick with input.n as 3 } else := pick
            pick := input.n if input.n > 1
            nested := v if { v := level with input.x as [input.x] }
            level := [seen, v] if { v := seen with input.x as [input.x, seen] }
            loop contains [i, v] if { some i, w in input.list; v := [seen, w] with input.x as w }
            fails if { input.x with input.x as false }
            fails if { not seen with input.x as false }
            "#],
        entry_points: &[
            "a/outer",
            "a/twice",
            "a/overlay",
            "a/grown",
            "a/under",
            "a/replaced",
            "a/undone",
            "a/leaves",
            "a/nested",
            "a/loop",
            "a/fails",
        ],
    },
    // Replaced functions and builtins.
    Tricky {
        modules: &[r#"package b
            f(x) := [x, input.n]
            g(x) := {"g": f(x)}
            h(x) := count(x)
            mock(x) := ["mock", x]
            const_f := v if { v := g(input.x) with f as 7 }
            func_f := v if { v := g(input.x) with f as mock }
            builtin := v if { v := h(input.list) with count as mock }
            builtin_const := v if { v := [h(input.list), count([1])] with count as input.n }
            clock := [a, b] if { a := time.now_ns() with time.now_ns as input.n; b := time.now_ns() }
            rule := v if { v := user with data.b.name as input.s }
            name := input.t
            user := upper(name)
            whole := v if { v := data.b.name with input.t as input.s }
            "#],
        entry_points: &[
            "b/const_f",
            "b/func_f",
            "b/builtin",
            "b/builtin_const",
            "b/clock",
            "b/rule",
            "b/whole",
        ],
    },
    // Chains of `else`, defaults, functions with several clauses, conflicts.
    Tricky {
        modules: &[r#"package c
            default level := "none"
            level := "high" if { input.n > 2 } else := "middle" if { input.n > 0; input.s != "" } else := input.t if { input.n == 0 }
            default f(_) := "default"
            f(x) := "text" if is_string(x)
            f(x) := "big" if { is_number(x); x > 3 }
            f(x) := sprintf("list of %d", [count(x)]) if is_array(x)
            f(x) := x.name if x.on
            all := [y | some x in input.list; y := f(x)]
            items := [y | some x in input.items; y := f(x)]
            grade(n) := "a" if { n > 3 } else := "b" if { n > 1 } else := "c" if { n >= 0 }
            grades := {n: grade(n) | some n in input.nums}
            undefined_grades := [n | some n in input.nums; not grade(n)]
            twice := input.x if { true }
            twice := input.y if { true }
            same := input.n if { input.n }
            same := 1 if { input.n == 1 }
            key[input.s] := input.x
            key[input.t] := input.y
            nothing if { false }
            default maybe := false
            maybe if { nothing } else if { not nothing; input.x }
            pattern([a, b]) := a if a == b
            pattern({"name": n}) := n
            pattern("x") := 1
            matched := [y | some x in array.concat(input.list, [[1, 1], {"name": input.s}]); y := pattern(x)]
            "#],
        entry_points: &[
            "c/level",
            "c/all",
            "c/items",
            "c/grades",
            "c/undefined_grades",
            "c/twice",
            "c/same",
            "c/key",
            "c/maybe",
            "c/matched",
        ],
    },
    // Loops: `every`, `some`, comprehensions in one another, negation.
    Tricky {
        modules: &[r#"package d
            every_number if { every x in input.nums { x > 0 } }
            every_pair if { every k, v in input.map { is_string(k); v != input.x } }
            every_nested if { every x in input.items { every t in x.tags { t != input.s } } }
            every_outer contains x.name if { some x in input.items; every t in x.tags { startswith(t, input.s) } }
            not_every if { not every_number }
            cross contains [a, b] if { some a in input.nums; some b in input.nums; a < b }
            grouped[t] contains x.name if { some x in input.items; some t in x.tags }
            inverse := {v: ks | some k, v in input.map; ks := {x | some x, w in input.map; w == v}}
            matrix := [[[a, b] | some b in input.nums] | some a in input.nums]
            captured := [ys | some x in input.list; ys := [y | some y in input.list; y != x]]
            first_of := min([i | some i, x in input.list; x == input.x])
            found := i if { some i; input.list[i] == input.x }
            indexes contains i if { input.list[i] == input.list[j]; i != j }
            unified contains [a, b] if { some a, b; [a, [b]] = input.list[_] }
            fields contains {"k": k, "v": v} if { {"name": k, "n": v} = input.items[_] }
            sets := {x | some x in input.list} & {x | some x in input.nums}
            members := [x | some x in input.list; x in input.nums]
            pairs := [k | some k, v in input.map; k, v in input.map]
            absent := [x | some x in input.texts; not input.map[x]]
            wild := count([1 | input.list[_]])
            negative := count([x | x := input.list[-1]])
            shadow := [x | x := input.nums[_]; y := [x | x := input.list[_]]; count(y) > x]
            "#],
        entry_points: &[
            "d/every_number",
            "d/every_pair",
            "d/every_nested",
            "d/every_outer",
            "d/not_every",
            "d/cross",
            "d/grouped",
            "d/inverse",
            "d/matrix",
            "d/captured",
            "d/first_of",
            "d/found",
            "d/indexes",
            "d/unified",
            "d/fields",
            "d/sets",
            "d/members",
            "d/pairs",
            "d/absent",
            "d/wild",
            "d/negative",
            "d/shadow",
        ],
    },
    // Objects and sets by rules, also nested and in conflict; keys of all types.
    Tricky {
        modules: &[r#"package e
            by_name[x.name] := x.n if some x in input.items
            last[x.name] := i if some i, x in input.items
            tree[x.name][t] := x.n if { some x in input.items; some t in x.tags }
            fixed.a := input.x
            fixed.b.c := input.y
            fixed.b[input.s] := input.n
            mixed[k] := v if { some k in input.list; v := type_name(k) }
            merged := object.union(by_type, {"x": input.map})
            by_type[type_name(v)] contains v if some v in input.list
            comprehension := {k: v | some v in input.list; k := type_name(v)}
            unique := {x.name: x.tags | some x in input.items}
            lookup := [by_name[n] | some n in input.texts]
            deep := [tree[a][b] | some a in input.texts; some b in input.texts]
            keys := object.keys(mixed)
            any_key := [mixed[x] | some x in input.list]
            of_sets[{x, y}] := [x, y] if { some x in input.texts; some y in input.texts; x < y }
            member := of_sets[{input.s, input.t}]
            "#],
        entry_points: &[
            "e/by_name",
            "e/last",
            "e/tree",
            "e/fixed",
            "e/mixed",
            "e/merged",
            "e/by_type",
            "e/comprehension",
            "e/unique",
            "e/lookup",
            "e/deep",
            "e/keys",
            "e/any_key",
            "e/of_sets",
            "e/member",
        ],
    },
    // Base and virtual documents over one another.
    Tricky {
        modules: &[
            r#"package doc
            p := input.x if input.n > 0
            r contains input.s
            "#,
            r#"package doc.sub
            a := input.n
            b[input.s] := input.x
            "#,
            r#"package q
            whole := data.doc
            sub := data.doc.sub
            part := data.doc[input.s]
            deep := data.doc[input.s][input.t]
            named := {k | some k; data.doc[k]}
            base := data.base[input.s]
            index := [data.base[input.n], data.doc[input.n], data["1"]]
            list := data.list[input.n]
            users := [u | some u, groups in data.doc.users; input.s in groups]
            overlaid := v if { v := data.doc with data.doc.base as input.x }
            hidden := v if { v := data.doc.p with data.doc.p as input.y }
            added := v if { v := data.doc.sub with data.doc.sub.c as input.y }
            walked := count([1 | walk(data.base, [_, _])])
            missing := data.none.such
            missing := 1 if not data.none.such
            all contains k if { some k, _ in data.base.sub }
            "#,
        ],
        entry_points: &[
            "q/whole",
            "q/sub",
            "q/part",
            "q/deep",
            "q/named",
            "q/base",
            "q/index",
            "q/list",
            "q/users",
            "q/overlaid",
            "q/hidden",
            "q/added",
            "q/walked",
            "q/missing",
            "q/all",
        ],
    },
    // Walks, graphs, calls in calls, long ways through functions.
    Tricky {
        modules: &[r#"package w
            paths contains path if { walk(input.x, [path, value]); value == input.y }
            leaves := [v | walk(input, [_, v]); not is_object(v); not is_array(v); not is_set(v)]
            strings contains v if { walk(input.map, [["a", _], v]) }
            depth := max({count(p) | walk(input.x, [p, _])})
            reached := graph.reachable(input.graph, {input.s})
            ways := graph.reachable_paths(input.graph, [input.s])
            f0(x) := [x]
            f1(x) := [f0(x), f0(f0(x))]
            f2(x) := [f1(x), f1(f1(x))]
            f3(x) := count(json.marshal(f2(f2(x))))
            nested := f3(input.n)
            g(x, y) := z if { z := x + y } else := [x, y]
            folded := [g(g(a, b), g(b, a)) | some a in input.list; some b in input.nums]
            h(x) if { x > 1 }
            h(x) if { is_string(x) }
            called := [x | some x in input.list; h(x)]
            not_called := [x | some x in input.list; not h(x)]
            patched := json.patch(input.map, [{"op": "add", "path": "a", "value": input.x}])
            filtered := json.filter(input, ["x", "items/0/name"])
            removed := object.remove(input.map, input.texts)
            "#],
        entry_points: &[
            "w/paths",
            "w/leaves",
            "w/strings",
            "w/depth",
            "w/reached",
            "w/ways",
            "w/nested",
            "w/folded",
            "w/called",
            "w/not_called",
            "w/patched",
            "w/filtered",
            "w/removed",
        ],
    },
    // Numbers, steps, slices, strings.
    Tricky {
        modules: &[r#"package n
            down := numbers.range(input.n, -3)
            steps := numbers.range_step(0, input.n, 2)
            bad_step := numbers.range_step(0, 5, input.n)
            arithmetic := [a + b, a - b, a * b] if { a := input.m; b := input.n }
            quotients := [input.m / 4, input.n % 3]
            divided := input.m / input.n
            rounded := [round(input.m), ceil(input.m), floor(input.m), abs(input.m)]
            compared := [input.m < input.n, input.m == input.n, input.x < input.y, input.x == input.y, input.x >= input.y]
            sums := [sum(input.nums), product(input.nums), count(input.nums), sort(input.list)]
            extremes := [max(input.list), min(input.list)]
            sliced := array.slice(input.list, input.n, 3)
            texts := [concat(",", input.texts), split(input.s, "a"), upper(input.s), lower(input.s), trim(input.s, "a")]
            formatted := sprintf("%v %s %d %5.2f", [input.x, input.s, input.n, input.m])
            plain := sprintf("%s=%d", [input.s, input.n])
            subs := [substring(input.s, 0, 1), contains(input.s, "a"), replace(input.s, "a", "b"), indexof(input.s, "b")]
            patterns := [regex.match(input.s, input.t), regex.match("^[a-c]*$", input.s), glob.match("a*", [], input.s)]
            bits := [bits.or(input.n, 4), bits.and(input.n, 6), bits.lsh(1, 3)]
            cast := [to_number(input.s), type_name(input.x), format_int(input.n, 2)]
            unions := [a, b] if { xs := {x | some x in input.nums}; a := {1, 2} | xs; b := xs - {1, 2} }
            interpolated := $"{input.s} and {input.n} and {input.x}"
            "#],
        entry_points: &[
            "n/down",
            "n/steps",
            "n/bad_step",
            "n/arithmetic",
            "n/quotients",
            "n/divided",
            "n/rounded",
            "n/compared",
            "n/sums",
            "n/extremes",
            "n/sliced",
            "n/texts",
            "n/formatted",
            "n/plain",
            "n/subs",
            "n/patterns",
            "n/bits",
            "n/cast",
            "n/unions",
            "n/interpolated",
        ],
    },
    // Bodies that begin with comparisons of one place with constants.
    Tricky {
        modules: &[r#"package x
            by_text contains 1 if input.s == "a"
            by_text contains 2 if "b" == input.s
            by_text contains 3 if input.s == "c"
            by_text contains input.n if input.s == "user"
            by_text contains 5 if { input.n > 0; input.s == "a" }
            by_text contains 6 if { input.s == "a"; input.s == input.t }
            by_text contains 7 if { not input.x; input.s == "b" }
            by_text contains 8 if input.s != "a"
            by_text contains 9 if { some t in input.texts; t == "a"; input.s == t }
            by_text contains 10 if input.s == ""
            by_number[input.n] := "zero" if input.n == 0
            by_number[input.n] := "one" if input.n == 1
            by_number[input.n] := "one again" if { input.n == 1; input.x == true }
            by_number[input.n] := "two" if input.n == 2.0
            by_number["any"] := input.s
            f("a") := 1
            f("b") := 2
            f("c") := 3
            f(1) := "one"
            f(null) := "null"
            f(true) := "true"
            f(x) := ["many", x] if { is_object(x); x.on }
            called := [y | some x in array.concat(input.texts, input.list); y := f(x)]
            g(x) := "a" if x.name == "a"
            g(x) := "b" if x.name == "b"
            g(x) := "b" if { x.name == "b"; x.on }
            g(x) := "c" if { x.name == "c"; x.n == 1 }
            g(x) := "c or k" if { x.name == "k" } else := "else" if { x.name == "c"; x.n != 1 }
            named := [y | some x in input.items; y := g(x)]
            replaced := [a, b, by_text] if {
                a := by_text with input.s as "a"
                b := by_text with input as {"s": input.t, "n": 7}
            }
            upper_text contains [t, r] if { some t in input.texts; r := f(lower(t)) }
            "#],
        entry_points: &[
            "x/by_text",
            "x/by_number",
            "x/called",
            "x/named",
            "x/replaced",
            "x/upper_text",
        ],
    },
];
