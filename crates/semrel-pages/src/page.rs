//! A whole HTML document.

use crate::{PageError, Templates};
use serde::Serialize;
use serde_json::json;

const SHELL: &str = include_str!("../assets/shell.html");
const STYLE: &str = include_str!("../assets/base.css");
/// Runs before anything is painted, so that a page does not flash in the other colours.
const THEME: &str = include_str!("../assets/theme.js");

/// What a page may do: show pictures that are in it or lie beside it, and run what is written in it.
const POLICY: &str = "default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";

/// A page: a shell around a body, with styles, scripts and data inside.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    description: String,
    body: String,
    links: Vec<(String, String)>,
    styles: Vec<String>,
    scripts: Vec<String>,
    data: Vec<(String, String)>,
    footer: String,
    live: bool,
    scripts_beside: bool,
}

impl Page {
    /// An empty page of this title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            body: String::new(),
            links: vec![],
            styles: vec![],
            scripts: vec![],
            data: vec![],
            footer: String::new(),
            live: false,
            scripts_beside: false,
        }
    }

    /// What it is about, in a sentence: for lists of pages, not shown in it.
    pub fn description(&mut self, text: impl Into<String>) -> &mut Self {
        self.description = text.into();
        self
    }

    /// The main part, as HTML. Its headings begin with one `h1`.
    pub fn body(&mut self, html: impl Into<String>) -> &mut Self {
        self.body = html.into();
        self
    }

    /// A link in the line of navigation, such as `("Tables", "#tables")`.
    pub fn link(&mut self, label: impl Into<String>, address: impl Into<String>) -> &mut Self {
        self.links.push((label.into(), address.into()));
        self
    }

    /// Text at the end of the page.
    pub fn footer(&mut self, text: impl Into<String>) -> &mut Self {
        self.footer = text.into();
        self
    }

    /// Lets the page fetch from the server that it came from, to refresh itself.
    pub fn live(&mut self) -> &mut Self {
        self.live = true;
        self
    }

    /// Lets the page load scripts that lie beside it, for data that is too large to be inside.
    pub fn scripts_beside(&mut self) -> &mut Self {
        self.scripts_beside = true;
        self
    }

    /// Adds a style sheet, after the common one.
    ///
    /// # Errors
    /// One that holds `</style`.
    pub fn style(&mut self, css: impl Into<String>) -> Result<&mut Self, PageError> {
        self.styles.push(checked("style", css.into())?);
        Ok(self)
    }

    /// Adds a script, run after the body and the data are there.
    ///
    /// # Errors
    /// One that holds `</script`.
    pub fn script(&mut self, javascript: impl Into<String>) -> Result<&mut Self, PageError> {
        self.scripts.push(checked("script", javascript.into())?);
        Ok(self)
    }

    /// Adds data, which scripts read by `pageData(id)`.
    ///
    /// # Errors
    /// An id that is taken or not of letters, digits and `-`; data that JSON cannot hold.
    pub fn data(&mut self, id: &str, data: &(impl Serialize + ?Sized)) -> Result<&mut Self, PageError> {
        let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain || self.data.iter().any(|(other, _)| other == id) {
            return Err(PageError::Id(id.to_owned()));
        }
        let text = serde_json::to_string(data).map_err(|source| PageError::Data { id: id.to_owned(), source })?;
        // In JSON `<` stands in strings alone. Without it nothing can end the element or begin a comment in it.
        self.data.push((id.to_owned(), text.replace('<', "\\u003c")));
        Ok(self)
    }

    /// The document.
    ///
    /// # Errors
    /// None but a mistake in this crate's own shell.
    pub fn render(&self) -> Result<String, PageError> {
        let mut templates = Templates::new();
        templates.add("shell", SHELL)?;
        let connect = if self.live { "; connect-src 'self'" } else { "" };
        let scripts = "script-src 'unsafe-inline'";
        let policy = match self.scripts_beside {
            true => POLICY.replace(scripts, &format!("{scripts} 'self'")),
            false => POLICY.to_owned(),
        };
        templates.render(
            "shell",
            &json!({
                "title": self.title,
                "description": self.description,
                "policy": format!("{policy}{connect}"),
                "base": STYLE,
                "theme": THEME,
                "styles": self.styles,
                "scripts": self.scripts,
                "data": self.data,
                "links": self.links,
                "body": self.body,
                "footer": self.footer,
            }),
        )
    }
}

/// Text of an element in which only its own end tag means anything.
fn checked(element: &'static str, text: String) -> Result<String, PageError> {
    let end = format!("</{element}");
    match text.to_ascii_lowercase().contains(&end) {
        true => Err(PageError::EndsElement(element)),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_all_and_asks_for_nothing() {
        let mut page = Page::new("A <title>");
        page.body("<h1>Body</h1>").link("Part", "#part").footer("The end").description("What \"it\" is");
        page.style("b{}").unwrap().script("let a = 1 < 2;").unwrap();
        page.data("numbers", &json!({"text": "</script><!--", "n": [1]})).unwrap();
        let html = page.render().unwrap();
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{html}");
        assert!(html.contains("<title>A &lt;title&gt;</title>") && html.contains("<h1>Body</h1>"), "{html}");
        assert!(html.contains("let a = 1 < 2;") && html.contains("b{}"), "{html}");
        let data =
            r#"<script type="application/json" id="numbers">{"text":"\u003c/script>\u003c!--","n":[1]}</script>"#;
        assert!(html.contains(data), "{html}");
        assert!(html.contains("default-src 'none'") && !html.contains("connect-src"), "{html}");
        assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
        assert!(page.live().render().unwrap().contains("; connect-src 'self'"));
        assert!(page.scripts_beside().render().unwrap().contains("script-src 'unsafe-inline' 'self';"));
    }

    #[test]
    fn nothing_ends_its_element() {
        let mut page = Page::new("");
        assert!(page.script("'</SCRIPT>'").unwrap_err().to_string().contains("`</script`"));
        assert!(page.style("</style >").is_err());
        page.data("one", &1).unwrap();
        for id in ["one", "", "a b", "\""] {
            assert!(matches!(page.data(id, &1), Err(PageError::Id(_))), "{id}");
        }
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(page.data("two", &unwritable).unwrap_err().to_string().contains("data `two`"));
    }
}
