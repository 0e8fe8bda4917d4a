//! Rego parser, resolver, planner, IR, builtins and evaluator; pure: no I/O, no clock.
