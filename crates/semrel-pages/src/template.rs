//! Templates, in which every value is escaped.

use crate::PageError;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

/// Templates in the language of Jinja. Values are escaped as HTML whatever a template is called; one that is missing is an
/// error.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}

impl Templates {
    /// No templates yet.
    pub fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        Self(environment)
    }

    /// Adds a template; others include it by its name.
    ///
    /// # Errors
    /// Tells what is wrong with its syntax, and where.
    pub fn add(&mut self, name: &'static str, source: &'static str) -> Result<(), PageError> {
        Ok(self.0.add_template(name, source)?)
    }

    /// Fills a template.
    ///
    /// # Errors
    /// A value that it needs and does not get.
    pub fn render(&self, name: &str, values: &impl Serialize) -> Result<String, PageError> {
        Ok(self.0.get_template(name)?.render(values)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_escaped_and_must_be_there() {
        let mut templates = Templates::new();
        templates.add("part", "<b>{{ name }}</b>").unwrap();
        templates.add("whole", "{% include 'part' %}<i title=\"{{ name }}\">").unwrap();
        let html = templates.render("whole", &json!({"name": "<\"&"})).unwrap();
        assert_eq!(html, "<b>&lt;&quot;&amp;</b><i title=\"&lt;&quot;&amp;\">");
        assert!(templates.render("whole", &json!({})).unwrap_err().to_string().contains("undefined value (in part"));
        assert!(templates.add("wrong", "{% if %}").is_err());
    }
}
