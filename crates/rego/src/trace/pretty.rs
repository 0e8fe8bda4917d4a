//! Traces as OPA prints them.

use std::collections::HashMap;

use super::event::{Event, Node, Op};
use super::map::Map;

/// Columns between the places and the events.
const GAP: usize = 4;

impl Map {
    /// The events as lines for people: the place, then the event below the one that it belongs to.
    #[must_use]
    pub fn pretty(&self, events: &[Event]) -> Vec<String> {
        let places: Vec<String> = events.iter().map(|event| self.place(event)).collect();
        let width = places.iter().map(|place| place.chars().count()).max();
        let width = width.unwrap_or_default().saturating_add(GAP);
        let mut depths: HashMap<u64, usize> = HashMap::new();
        let mut lines = Vec::with_capacity(events.len());
        for (event, place) in events.iter().zip(places) {
            let outer = depths.get(&event.parent_id).copied().unwrap_or_default();
            let depth = *depths.entry(event.query_id).or_insert(outer.saturating_add(1));
            // What enters a query stands beside it, what happens in it below.
            let beside = matches!((event.op, event.node), (Op::Enter | Op::Redo, Node::Body(_)));
            let bars = "| ".repeat(if beside { depth.saturating_sub(1) } else { depth });
            let mut line = format!("{place:width$}{bars}{}", event.op.name());
            let message = self.message(event);
            if event.op == Op::Note {
                line.push_str(&format!(" {:?}", message.unwrap_or_default()));
            } else {
                line.push_str(&format!(" {}", self.text(event.node)));
                line.extend(message.map(|message| format!(" {message}")));
            }
            lines.push(line);
        }
        lines
    }

    fn place(&self, event: &Event) -> String {
        let location = self.location(event.node);
        format!("{}:{}", location.file, location.row)
    }
}
