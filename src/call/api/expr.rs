//! `expr`: arithmetic with `+ - * / ^`, parentheses and functions. Anything else is `!err!`.

use super::{ApiContext, ApiFunction};

/// Deepest nesting of parentheses, signs and powers.
const MAX_DEPTH: usize = 100;

/// The command.
pub(super) struct Expr;

impl ApiFunction for Expr {
    fn name(&self) -> &'static str {
        "expr"
    }

    fn doc(&self) -> &'static str {
        "Value of an arithmetic expression"
    }

    fn syntax(&self) -> &'static str {
        "<expression>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        evaluate(args).filter(|value| value.is_finite()).map_or_else(|| "!err!".to_owned(), print)
    }
}

/// Ten decimals, without the zeros at the end.
fn print(value: f64) -> String {
    let text = format!("{value:.10}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn evaluate(text: &str) -> Option<f64> {
    let mut parser = Parser { rest: text, depth: 0 };
    let value = parser.sum()?;
    parser.rest.trim_start().is_empty().then_some(value)
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl Parser<'_> {
    fn eat(&mut self, symbol: char) -> bool {
        match self.rest.trim_start().strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.eat('+') {
                value += self.product()?;
            } else if self.eat('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.power()?;
        loop {
            if self.eat('*') {
                value *= self.power()?;
            } else if self.eat('/') {
                let divisor = self.power()?;
                if divisor == 0.0 {
                    return None;
                }
                value /= divisor;
            } else {
                return Some(value);
            }
        }
    }

    fn power(&mut self) -> Option<f64> {
        self.deeper(|parser| {
            let base = parser.signed()?;
            if parser.eat('^') { Some(base.powf(parser.power()?)) } else { Some(base) }
        })
    }

    fn signed(&mut self) -> Option<f64> {
        self.deeper(|parser| {
            if parser.eat('-') {
                parser.signed().map(|value| -value)
            } else if parser.eat('+') {
                parser.signed()
            } else {
                parser.atom()
            }
        })
    }

    /// Everything that recurses goes through here.
    fn deeper(&mut self, part: impl FnOnce(&mut Self) -> Option<f64>) -> Option<f64> {
        self.depth += 1;
        let value = if self.depth > MAX_DEPTH { None } else { part(self) };
        self.depth -= 1;
        value
    }

    fn atom(&mut self) -> Option<f64> {
        if self.eat('(') {
            let value = self.sum()?;
            return self.eat(')').then_some(value);
        }
        self.rest = self.rest.trim_start();
        let number = self.take(|c| c.is_ascii_digit() || c == '.');
        if !number.is_empty() {
            return number.parse().ok();
        }
        let name = self.take(|c| c.is_ascii_alphanumeric()).to_ascii_lowercase();
        if name.is_empty() || !self.eat('(') {
            return None;
        }
        let mut arguments = Vec::new();
        if !self.eat(')') {
            loop {
                arguments.push(self.sum()?);
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return None;
                }
            }
        }
        call(&name, &arguments)
    }

    fn take(&mut self, part: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken.to_owned()
    }
}

fn call(name: &str, arguments: &[f64]) -> Option<f64> {
    Some(match (name, arguments) {
        ("abs", [x]) => x.abs(),
        ("mod", [x, y]) => x % y,
        ("ipart", [x]) => x.trunc(),
        ("fpart", [x]) => x.fract(),
        ("floor", [x]) => x.floor(),
        ("ceil", [x]) => x.ceil(),
        ("min", [first, rest @ ..]) => rest.iter().fold(*first, |least, x| least.min(*x)),
        ("max", [first, rest @ ..]) => rest.iter().fold(*first, |most, x| most.max(*x)),
        ("avg", [_, ..]) => arguments.iter().sum::<f64>() / arguments.len() as f64,
        ("pow", [x, y]) => x.powf(*y),
        ("sqrt", [x]) => x.sqrt(),
        ("exp", [x]) => x.exp(),
        ("log", [x]) => x.log10(),
        ("pow10", [x]) => 10f64.powf(*x),
        ("ln", [x]) => x.ln(),
        ("logn", [x, base]) => x.log(*base),
        ("sin", [x]) => x.sin(),
        ("cos", [x]) => x.cos(),
        ("tan", [x]) => x.tan(),
        ("asin", [x]) => x.asin(),
        ("acos", [x]) => x.acos(),
        ("atan", [x]) => x.atan(),
        ("atan2", [y, x]) => y.atan2(*x),
        ("deg", [x]) => x.to_degrees(),
        ("rad", [x]) => x.to_radians(),
        ("if", [condition, yes, no]) => {
            if *condition == 0.0 {
                *no
            } else {
                *yes
            }
        }
        ("equal", [x, y]) => f64::from(u8::from((x - y).abs() < f64::EPSILON)),
        ("above", [x, y]) => f64::from(u8::from(x > y)),
        ("below", [x, y]) => f64::from(u8::from(x < y)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        check("expr", "1+2*3", "7");
        check("expr", "(1+2)*3", "9");
        check("expr", "2^10", "1024");
        check("expr", "2^3^0", "2");
        check("expr", "-2 - -3", "1");
        check("expr", "10/4", "2.5");
        check("expr", "max(3,7)", "7");
        check("expr", "if(above(3,2), 1, 0)", "1");
        check("expr", "0-0", "0");
        for bad in ["", "1+", "3>2", "(1+2", "1/0", "nosuch(1)", "x", "1 2"] {
            check("expr", bad, "!err!");
        }
        check("expr", &"(".repeat(100_000), "!err!");
        check("expr", &"2^".repeat(100_000), "!err!");
    }

    proptest! {
        #[test]
        fn never_panics(args in "[0-9.()+*/^a-m, -]{0,40}") {
            crate::call::api::testing::run("expr", &args);
        }
    }
}
