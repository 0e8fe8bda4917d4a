//! Type system documents.

use super::super::ast::{
    ArgumentDefinition, Comments, Definition, DefinitionKind, DirectiveDefinition, EnumValue,
    FieldDefinition, Preface, RootType, SchemaDefinition, SchemaDocument,
};
use super::super::lexer::{Kind, Token};
use super::{Parsed, Parser, unexpected_token};

/// Where a directive may stand.
const LOCATIONS: [&str; 19] = [
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
];

/// Parses a type system document, which may be empty.
pub(in super::super) fn parse_schema(text: &str) -> Parsed<SchemaDocument> {
    let mut parser = Parser::new(text);
    let mut document = SchemaDocument::default();
    while parser.peek_kind() != Kind::Eof {
        let before = parser.comments_here();
        let description = parser.description();
        let text = description
            .as_ref()
            .map(|token| token.value.clone())
            .unwrap_or_default();
        let preface = |after| Preface {
            before: if description.is_some() {
                before
            } else {
                Comments::new()
            },
            description: text,
            after,
        };
        let token = parser.peek();
        if token.kind != Kind::Name {
            return Err(parser.unexpected());
        }
        match token.value.as_str() {
            "schema" => {
                let after = parser.expect_keyword("schema")?;
                document.schemas.push(parser.schema_definition(preface(after))?);
            }
            "directive" => {
                let after = parser.expect_keyword("directive")?;
                document
                    .directives
                    .push(parser.directive_definition(preface(after))?);
            }
            "extend" => {
                if let Some(token) = description.filter(|token| !token.value.is_empty()) {
                    return Err(unexpected_token(&token));
                }
                parser.extension(&mut document)?;
            }
            keyword => {
                let Some(kind) = kind_of(keyword) else {
                    return Err(parser.unexpected());
                };
                let after = parser.comments_here();
                parser.next();
                document
                    .definitions
                    .push(parser.definition(kind, preface(after), false)?);
            }
        }
    }
    document.comments = parser.comments_here();
    Ok(document)
}

fn kind_of(keyword: &str) -> Option<DefinitionKind> {
    Some(match keyword {
        "scalar" => DefinitionKind::Scalar,
        "type" => DefinitionKind::Object,
        "interface" => DefinitionKind::Interface,
        "union" => DefinitionKind::Union,
        "enum" => DefinitionKind::Enum,
        "input" => DefinitionKind::InputObject,
        _ => return None,
    })
}

impl Parser<'_> {
    fn description(&mut self) -> Option<Token> {
        matches!(self.peek_kind(), Kind::BlockString | Kind::String).then(|| self.next())
    }

    /// What stands before a member of a definition.
    fn member_preface(&mut self) -> Preface {
        let comments = self.comments_here();
        // An empty description counts as none, and its comments are lost.
        let described = self.description().filter(|token| !token.value.is_empty());
        let before = if described.is_some() {
            comments
        } else {
            Comments::new()
        };
        Preface {
            description: described.map(|token| token.value).unwrap_or_default(),
            before,
            after: self.comments_here(),
        }
    }

    fn schema_definition(&mut self, preface: Preface) -> Parsed<SchemaDefinition> {
        let pos = self.peek_pos();
        let directives = self.directives(true)?;
        let (roots, end) = self.some(Kind::BraceL, Kind::BraceR, |parser| {
            let pos = parser.peek_pos();
            let comments = parser.comments_here();
            let token = parser.next();
            if !matches!(token.value.as_str(), "query" | "mutation" | "subscription") {
                return Err(unexpected_token(&token));
            }
            parser.expect(Kind::Colon)?;
            Ok(RootType {
                operation: token.value,
                of_type: parser.name()?,
                pos,
                comments,
            })
        })?;
        Ok(SchemaDefinition {
            preface,
            directives,
            roots,
            pos,
            end,
        })
    }

    /// What follows the keyword of the definition or extension of a type.
    fn definition(&mut self, kind: DefinitionKind, preface: Preface, extends: bool) -> Parsed<Definition> {
        let pos = self.peek_pos();
        let name = self.name()?;
        let mut definition = Definition::new(kind, &name, pos);
        definition.preface = preface;
        let may_implement = match kind {
            DefinitionKind::Object => true,
            // OPA's parser has interfaces extend others only where they are defined.
            DefinitionKind::Interface => !extends,
            _ => false,
        };
        if may_implement {
            definition.interfaces = self.interfaces()?;
        }
        definition.directives = self.directives(!(extends && kind == DefinitionKind::InputObject))?;
        match kind {
            DefinitionKind::Scalar => {}
            DefinitionKind::Object | DefinitionKind::Interface => {
                (definition.fields, definition.end) =
                    self.some(Kind::BraceL, Kind::BraceR, Self::field_definition)?;
            }
            DefinitionKind::InputObject => {
                (definition.fields, definition.end) =
                    self.some(Kind::BraceL, Kind::BraceR, Self::input_field)?;
            }
            DefinitionKind::Union => definition.types = self.member_types()?,
            DefinitionKind::Enum => {
                (definition.values, definition.end) = self.some(Kind::BraceL, Kind::BraceR, |parser| {
                    Ok(EnumValue {
                        preface: parser.member_preface(),
                        name: parser.name()?,
                        directives: parser.directives(true)?,
                    })
                })?;
            }
        }
        Ok(definition)
    }

    fn interfaces(&mut self) -> Parsed<Vec<String>> {
        // By value only, as in OPA's parser.
        if self.peek().value != "implements" {
            return Ok(Vec::new());
        }
        self.next();
        self.separated(Kind::Amp)
    }

    fn member_types(&mut self) -> Parsed<Vec<String>> {
        if !self.skip(Kind::Equals) {
            return Ok(Vec::new());
        }
        self.separated(Kind::Pipe)
    }

    /// Names with `separator` between them, and perhaps before the first.
    fn separated(&mut self, separator: Kind) -> Parsed<Vec<String>> {
        self.skip(separator);
        let mut names = vec![self.name()?];
        while self.skip(separator) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn field_definition(&mut self) -> Parsed<FieldDefinition> {
        let pos = self.peek_pos();
        let preface = self.member_preface();
        let name = self.name()?;
        let arguments = self.argument_definitions()?;
        self.expect(Kind::Colon)?;
        Ok(FieldDefinition {
            preface,
            name,
            arguments,
            default: None,
            of_type: self.type_reference()?,
            directives: self.directives(true)?,
            pos,
        })
    }

    fn argument_definitions(&mut self) -> Parsed<Vec<ArgumentDefinition>> {
        let (arguments, _) = self.some(Kind::ParenL, Kind::ParenR, Self::argument_definition)?;
        Ok(arguments)
    }

    fn argument_definition(&mut self) -> Parsed<ArgumentDefinition> {
        let pos = self.peek_pos();
        let preface = self.member_preface();
        let name = self.name()?;
        self.expect(Kind::Colon)?;
        let of_type = self.type_reference()?;
        let default = if self.skip(Kind::Equals) {
            Some(self.literal(true)?)
        } else {
            None
        };
        Ok(ArgumentDefinition {
            preface,
            name,
            default,
            of_type,
            directives: self.directives(true)?,
            pos,
        })
    }

    fn input_field(&mut self) -> Parsed<FieldDefinition> {
        let argument = self.argument_definition()?;
        Ok(FieldDefinition {
            preface: argument.preface,
            name: argument.name,
            arguments: Vec::new(),
            default: argument.default,
            of_type: argument.of_type,
            directives: argument.directives,
            pos: argument.pos,
        })
    }

    fn extension(&mut self, document: &mut SchemaDocument) -> Parsed<()> {
        let preface = Preface {
            after: self.expect_keyword("extend")?,
            ..Preface::default()
        };
        let keyword = self.peek().value.clone();
        let empty = if keyword == "schema" {
            self.expect_keyword("schema")?;
            let extension = self.schema_definition(preface)?;
            let empty = extension.directives.is_empty() && extension.roots.is_empty();
            document.schema_extensions.push(extension);
            empty
        } else {
            let Some(kind) = kind_of(&keyword) else {
                return Err(self.unexpected());
            };
            self.expect_keyword(&keyword)?;
            let extension = self.definition(kind, preface, true)?;
            let empty = extension.directives.is_empty()
                && extension.interfaces.is_empty()
                && extension.fields.is_empty()
                && extension.types.is_empty()
                && extension.values.is_empty();
            document.extensions.push(extension);
            empty
        };
        if empty { Err(self.unexpected()) } else { Ok(()) }
    }

    fn directive_definition(&mut self, preface: Preface) -> Parsed<DirectiveDefinition> {
        self.expect(Kind::At)?;
        let pos = self.peek_pos();
        let name = self.name()?;
        let arguments = self.argument_definitions()?;
        let token = self.peek();
        let repeatable = token.kind == Kind::Name && token.value == "repeatable";
        if repeatable {
            self.next();
        }
        self.expect_keyword("on")?;
        self.skip(Kind::Pipe);
        let mut locations = vec![self.location()?];
        while self.skip(Kind::Pipe) {
            locations.push(self.location()?);
        }
        Ok(DirectiveDefinition {
            preface,
            name,
            arguments,
            locations,
            repeatable,
            pos,
        })
    }

    fn location(&mut self) -> Parsed<String> {
        let token = self.expect(Kind::Name)?;
        if LOCATIONS.contains(&token.value.as_str()) {
            Ok(token.value)
        } else {
            Err(unexpected_token(&token))
        }
    }
}
