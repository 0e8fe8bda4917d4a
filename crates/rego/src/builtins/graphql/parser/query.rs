//! Executable documents.

use super::super::ast::{
    Comments, Field, Fragment, Inline, Operation, QueryDocument, Selection, Spread, Variable,
};
use super::super::invalid;
use super::super::lexer::Kind;
use super::{Parsed, Parser};

/// Parses an executable document, which may be empty.
pub(in super::super) fn parse_query(text: &str) -> Parsed<QueryDocument> {
    let mut parser = Parser::new(text);
    let mut document = QueryDocument::default();
    loop {
        let token = parser.peek();
        match (token.kind, token.value.as_str()) {
            (Kind::Eof, _) => break,
            (Kind::Name, "query" | "mutation" | "subscription") | (Kind::BraceL, _) => {
                document.operations.push(parser.operation()?);
            }
            (Kind::Name, "fragment") => document.fragments.push(parser.fragment_definition()?),
            _ => return Err(parser.unexpected()),
        }
    }
    document.fields = parser.fields;
    Ok(document)
}

impl Parser<'_> {
    fn operation(&mut self) -> Parsed<Operation> {
        let pos = self.peek_pos();
        if self.peek_kind() == Kind::BraceL {
            return Ok(Operation {
                operation: "query".to_owned(),
                name: String::new(),
                variables: Vec::new(),
                directives: Vec::new(),
                selections: self.required_selections()?,
                pos,
                // Lost in OPA's parser too.
                comments: Comments::new(),
            });
        }
        let comments = self.comments_here();
        let operation = self.next().value;
        let name = if self.peek_kind() == Kind::Name {
            self.next().value
        } else {
            String::new()
        };
        Ok(Operation {
            operation,
            name,
            variables: self.variables()?,
            directives: self.directives(false)?,
            selections: self.required_selections()?,
            pos,
            comments,
        })
    }

    fn variables(&mut self) -> Parsed<Vec<Variable>> {
        let (variables, _) = self.some(Kind::ParenL, Kind::ParenR, |parser| {
            let pos = parser.peek_pos();
            let comments = parser.comments_here();
            let name = parser.variable()?;
            parser.expect(Kind::Colon)?;
            let of_type = parser.type_reference()?;
            let default = if parser.skip(Kind::Equals) {
                Some(parser.literal(true)?)
            } else {
                None
            };
            Ok(Variable {
                name,
                of_type,
                default,
                directives: parser.directives(false)?,
                used: false,
                pos,
                comments,
            })
        })?;
        Ok(variables)
    }

    fn required_selections(&mut self) -> Parsed<Vec<Selection>> {
        let token = self.peek();
        if token.kind != Kind::BraceL {
            let message = format!("Expected {{, found {}", token.kind.text());
            return Err(invalid(Some(token.pos), message));
        }
        self.selections()
    }

    /// The selections, or none at all.
    fn selections(&mut self) -> Parsed<Vec<Selection>> {
        self.nested(|parser| {
            let (selections, _) = parser.some(Kind::BraceL, Kind::BraceR, |parser| {
                if parser.peek_kind() == Kind::Spread {
                    parser.fragment()
                } else {
                    parser.field().map(Selection::Field)
                }
            })?;
            Ok(selections)
        })
    }

    fn field(&mut self) -> Parsed<Field> {
        let id = self.fields;
        self.fields = id.saturating_add(1);
        let pos = self.peek_pos();
        let comments = self.comments_here();
        let alias = self.name()?;
        let name = if self.skip(Kind::Colon) {
            self.name()?
        } else {
            alias.clone()
        };
        Ok(Field {
            id,
            alias,
            name,
            arguments: self.arguments(false)?,
            directives: self.directives(false)?,
            selections: self.selections()?,
            pos,
            comments,
        })
    }

    /// What begins with `...`.
    fn fragment(&mut self) -> Parsed<Selection> {
        let comments = self.comments_here();
        self.expect(Kind::Spread)?;
        let pos = self.peek_pos();
        let token = self.peek();
        if token.kind == Kind::Name && token.value != "on" {
            return Ok(Selection::Spread(Spread {
                name: self.fragment_name()?,
                directives: self.directives(false)?,
                pos,
                comments,
            }));
        }
        // By value only: OPA's parser takes the string "on" as well.
        let condition = if token.value == "on" {
            self.next();
            self.name()?
        } else {
            String::new()
        };
        Ok(Selection::Inline(Inline {
            condition,
            directives: self.directives(false)?,
            selections: self.required_selections()?,
            pos,
            comments,
        }))
    }

    fn fragment_definition(&mut self) -> Parsed<Fragment> {
        let pos = self.peek_pos();
        let comments = self.expect_keyword("fragment")?;
        let name = self.fragment_name()?;
        let variables = self.variables()?;
        self.expect_keyword("on")?;
        Ok(Fragment {
            name,
            variables,
            condition: self.name()?,
            directives: self.directives(false)?,
            selections: self.required_selections()?,
            pos,
            comments,
        })
    }

    fn fragment_name(&mut self) -> Parsed<String> {
        if self.peek().value == "on" {
            return Err(self.unexpected());
        }
        self.name()
    }
}
