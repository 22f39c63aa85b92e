//! Calls of intrinsic functions: `States.Format('{} of {}', $.n, States.ArrayLength($.all))`.

use super::Scope;
use super::functions::Function;
use super::path::Path;
use crate::fault::{Fault, names};
use crate::value::Value;

/// How deep calls may nest in one field; AWS allows as many.
const NESTING_MAX: usize = 10;

/// A checked call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    text: String,
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
enum Argument {
    Literal(Value),
    Path(Path),
    Call(Call),
}

impl Call {
    /// Checks a call.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0 };
        let call = reader.call(NESTING_MAX)?;
        if reader.rest().trim().is_empty() { Ok(call) } else { Err(reader.unexpected()) }
    }

    /// The value of the call.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            arguments.push(match argument {
                Argument::Literal(value) => value.clone(),
                Argument::Call(call) => call.evaluate(scope)?,
                Argument::Path(path) => path.get(scope).map_err(|missing| {
                    // AWS passes this one text of its library on.
                    let why = if missing.0.starts_with("Filter:") {
                        missing.0
                    } else {
                        let (path, input) = (path.text(), scope.input.to_json());
                        format!("The JsonPath argument for the field '{path}' could not be found in the input '{input}'")
                    };
                    Fault::runtime(format!("The function '{}' had the following error: {why}", self.text))
                })?,
            });
        }
        self.function.call(&arguments, scope.chance).map_err(|why| {
            let cause = format!("The function '{}' had the following error: {why}", self.text);
            Fault::internal(names::INTRINSIC, cause)
        })
    }
}

/// A literal without its escapes. `States.Format` alone keeps those of its template, to know a brace from a placeholder.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn unexpected(&self) -> String {
        match self.rest().chars().next() {
            Some(c) => format!("unexpected `{c}` at character {}", self.at + 1),
            None => "unexpected end".to_owned(),
        }
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn call(&mut self, depth: usize) -> Result<Call, String> {
        if depth == 0 {
            return Err(format!("functions nest deeper than {NESTING_MAX}"));
        }
        let start = self.at;
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        let function = Function::named(name).ok_or_else(|| format!("there is no function `{name}`"))?;
        self.skip_spaces();
        if !self.take("(") {
            return Err(self.unexpected());
        }
        let mut arguments = Vec::new();
        self.skip_spaces();
        if !self.take(")") {
            loop {
                self.skip_spaces();
                arguments.push(self.argument(depth)?);
                self.skip_spaces();
                if self.take(")") {
                    break;
                }
                if !self.take(",") {
                    return Err(self.unexpected());
                }
            }
        }
        function.check_count(arguments.len())?;
        for (n, argument) in arguments.iter_mut().enumerate() {
            if let Argument::Literal(Value::String(text)) = argument
                && !(function == Function::Format && n == 0)
            {
                *text = without_escapes(text);
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default().to_owned();
        Ok(Call { text, function, arguments })
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, String> {
        let rest = self.rest();
        if rest.starts_with('\'') {
            return self.string().map(Argument::Literal);
        }
        if rest.starts_with('$') {
            return self.path().map(Argument::Path);
        }
        if rest.starts_with("States.") {
            return self.call(depth - 1).map(Argument::Call);
        }
        match self.word(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
            "true" => Ok(Argument::Literal(true.into())),
            "false" => Ok(Argument::Literal(false.into())),
            "null" => Ok(Argument::Literal(Value::Null)),
            "" => Err(self.unexpected()),
            word => match Value::parse(word) {
                Ok(number @ (Value::Int(_) | Value::Float(_))) => Ok(Argument::Literal(number)),
                _ => Err(format!("`{word}` is not a value")),
            },
        }
    }

    /// A text between single quotation marks, its escapes kept: `\'`, `\{`, `\}` and `\\` are all that AWS knows.
    fn string(&mut self) -> Result<Value, String> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    self.at += at + 1;
                    return Ok(Value::String(out));
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('\'' | '\\' | '{' | '}'))) => out.extend(['\\', c]),
                    Some((_, c)) => return Err(format!("`\\{c}` is not an escape")),
                    None => break,
                },
                c => out.push(c),
            }
        }
        Err("a text does not end".to_owned())
    }

    fn path(&mut self) -> Result<Path, String> {
        let rest = self.rest();
        let (mut depth, mut quote, mut end) = (0_usize, None, rest.len());
        for (at, c) in rest.char_indices() {
            match (quote, c) {
                (Some(q), c) if q == c => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') if depth > 0 => quote = Some(c),
                (None, '[' | '(') => depth += 1,
                (None, ']' | ')') if depth > 0 => depth -= 1,
                (None, ',' | ')' | ' ' | '\t' | '\n' | '\r') if depth == 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        self.at += end;
        Path::parse(rest.get(..end).unwrap_or_default())
    }
}
