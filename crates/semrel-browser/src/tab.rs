//! A page that is open.

use crate::keys;
use crate::troubles::{Troubles, origin};
use crate::{BrowserError, axe};
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Input, Log, Page, Runtime};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// An error of the crate that speaks with the browser.
pub(crate) fn protocol(error: impl std::fmt::Display) -> BrowserError {
    BrowserError::Protocol(format!("{error:#}"))
}

/// A page that is open.
pub struct Tab {
    tab: Arc<headless_chrome::Tab>,
    troubles: Troubles,
}

impl Tab {
    /// Listens before anything is loaded.
    pub(crate) fn new(tab: Arc<headless_chrome::Tab>, address: &str) -> Result<Self, BrowserError> {
        tab.set_default_timeout(Duration::from_secs(60));
        let troubles = Troubles::default();
        let (seen, origin) = (troubles.clone(), origin(address));
        tab.add_event_listener(Arc::new(move |event: &Event| seen.look(event, &origin))).map_err(protocol)?;
        tab.call_method(Runtime::Enable(None)).map_err(protocol)?;
        tab.call_method(Log::Enable(None)).map_err(protocol)?;
        tab.call_method(Page::Enable { enable_file_chooser_opened_event: None }).map_err(protocol)?;
        tab.call_method(headless_chrome::protocol::cdp::Network::Enable {
            max_total_buffer_size: None,
            max_resource_buffer_size: None,
            max_post_data_size: None,
            report_direct_socket_traffic: None,
            enable_durable_messages: None,
        })
        .map_err(protocol)?;
        Ok(Self { tab, troubles })
    }

    pub(crate) fn load(&self, address: &str) -> Result<(), BrowserError> {
        self.tab.navigate_to(address).map_err(protocol)?.wait_until_navigated().map_err(protocol)?;
        self.wait_for("document.readyState === 'complete'", Duration::from_secs(60))
    }

    /// Loads the page again.
    ///
    /// # Errors
    /// Where it does not load.
    pub fn reload(&self) -> Result<(), BrowserError> {
        self.tab.reload(false, None).map_err(protocol)?.wait_until_navigated().map_err(protocol)?;
        self.wait_for("document.readyState === 'complete'", Duration::from_secs(60))
    }

    /// Errors and warnings on the console, exceptions, and requests to anything but the page itself, files from files, and
    /// data inside; as lines.
    pub fn troubles(&self) -> Vec<String> {
        self.troubles.lines()
    }

    /// The value of an expression; of what it resolves to where it is a promise.
    ///
    /// # Errors
    /// Tells what was thrown.
    pub fn evaluate(&self, expression: &str) -> Result<Value, BrowserError> {
        // An object of its own, because values that JSON cannot hold would arrive as nothing.
        let wrapped = format!(
            "(async () => JSON.stringify({{value: await ({expression})}}))()
             .catch(thrown => JSON.stringify({{thrown: String(thrown && thrown.stack || thrown)}}))"
        );
        let object = self.tab.evaluate(&wrapped, true).map_err(protocol)?;
        let text = object.value.as_ref().and_then(Value::as_str).unwrap_or("{}");
        let mut answer: Value = serde_json::from_str(text).map_err(protocol)?;
        match answer["thrown"].as_str() {
            Some(thrown) => Err(BrowserError::Script(format!("{expression}: {thrown}"))),
            None => Ok(answer["value"].take()),
        }
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// Where it throws, or is not true in time.
    pub fn wait_for(&self, expression: &str, most: Duration) -> Result<(), BrowserError> {
        let began = Instant::now();
        loop {
            if self.evaluate(&format!("Boolean({expression})"))? == Value::Bool(true) {
                return Ok(());
            }
            if began.elapsed() > most {
                return Err(BrowserError::Waited(expression.to_owned(), most.as_secs_f64()));
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Milliseconds from the start of loading to the end of it, as the browser has measured them.
    ///
    /// # Errors
    /// Where the page is gone.
    pub fn load_milliseconds(&self) -> Result<f64, BrowserError> {
        let expression = "performance.getEntriesByType('navigation')[0].loadEventEnd";
        self.wait_for(&format!("{expression} > 0"), Duration::from_secs(60))?;
        self.evaluate(expression)?.as_f64().ok_or_else(|| BrowserError::Protocol("no time of loading".into()))
    }

    /// Scrolls an element into view and gives the middle of it, in pixels of the window.
    ///
    /// # Errors
    /// Where there is no such element.
    pub fn middle_of(&self, selector: &str) -> Result<(f64, f64), BrowserError> {
        let expression = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center', behavior: 'instant'}});
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            Value::from(selector)
        );
        let middle = self.evaluate(&expression)?;
        match (middle[0].as_f64(), middle[1].as_f64()) {
            (Some(x), Some(y)) => Ok((x, y)),
            _ => Err(BrowserError::Script(format!("{selector} has no place"))),
        }
    }

    fn mouse(
        &self,
        kind: Input::DispatchMouseEventTypeOption,
        (x, y): (f64, f64),
        down: bool,
    ) -> Result<(), BrowserError> {
        let event = Input::DispatchMouseEvent {
            Type: kind,
            x,
            y,
            modifiers: None,
            timestamp: None,
            button: down.then_some(Input::MouseButton::Left),
            buttons: None,
            click_count: down.then_some(1),
            force: None,
            tangential_pressure: None,
            tilt_x: None,
            tilt_y: None,
            twist: None,
            delta_x: None,
            delta_y: None,
            pointer_Type: None,
        };
        self.tab.call_method(event).map(drop).map_err(protocol)
    }

    /// Moves the pointer, in pixels of the window.
    ///
    /// # Errors
    /// Where the page is gone.
    pub fn move_to(&self, x: f64, y: f64) -> Result<(), BrowserError> {
        self.mouse(Input::DispatchMouseEventTypeOption::MouseMoved, (x, y), false)
    }

    /// Moves the pointer and clicks.
    ///
    /// # Errors
    /// Where the page is gone.
    pub fn click(&self, x: f64, y: f64) -> Result<(), BrowserError> {
        use Input::DispatchMouseEventTypeOption::{MousePressed, MouseReleased};
        self.move_to(x, y)?;
        self.mouse(MousePressed, (x, y), true)?;
        self.mouse(MouseReleased, (x, y), true)
    }

    /// Presses a key and lets it go: `Tab`, `Enter`, `Escape`, `Space`, `ArrowLeft`, `Home`, …
    ///
    /// # Errors
    /// A name that is not known here.
    pub fn press(&self, name: &str) -> Result<(), BrowserError> {
        use Input::DispatchKeyEventTypeOption::{KeyDown, KeyUp, RawKeyDown};
        let key = keys::find(name)?;
        let down = if key.text.is_some() { KeyDown } else { RawKeyDown };
        for kind in [down, KeyUp] {
            let text = key.text.filter(|_| kind == KeyDown).map(str::to_owned);
            let event = Input::DispatchKeyEvent {
                Type: kind,
                modifiers: None,
                timestamp: None,
                text: text.clone(),
                unmodified_text: text,
                key_identifier: None,
                code: Some(key.code.to_owned()),
                key: Some(key.key.to_owned()),
                windows_virtual_key_code: Some(key.number),
                native_virtual_key_code: Some(key.number),
                auto_repeat: None,
                is_keypad: None,
                is_system_key: None,
                location: None,
                commands: None,
            };
            self.tab.call_method(event).map_err(protocol)?;
        }
        Ok(())
    }

    /// Sets the size of the window, in pixels.
    ///
    /// # Errors
    /// Where the page is gone.
    pub fn viewport(&self, width: u32, height: u32) -> Result<(), BrowserError> {
        let metrics = Emulation::SetDeviceMetricsOverride {
            width,
            height,
            device_scale_factor: 1.0,
            mobile: false,
            scale: None,
            screen_width: None,
            screen_height: None,
            position_x: None,
            position_y: None,
            dont_set_visible_size: None,
            screen_orientation: None,
            viewport: None,
            display_feature: None,
            device_posture: None,
        };
        self.tab.call_method(metrics).map_err(protocol)?;
        self.wait_for(&format!("innerWidth === {width} && innerHeight === {height}"), Duration::from_secs(10))?;
        self.settle()
    }

    /// Sets what the system asks for: `light` or `dark`.
    ///
    /// # Errors
    /// Where the page is gone.
    pub fn colour_scheme(&self, scheme: &str) -> Result<(), BrowserError> {
        let feature = Emulation::MediaFeature { name: "prefers-color-scheme".into(), value: scheme.into() };
        let media = Emulation::SetEmulatedMedia { media: None, features: Some(vec![feature]) };
        self.tab.call_method(media).map_err(protocol)?;
        self.wait_for(&format!("matchMedia('(prefers-color-scheme: {scheme})').matches"), Duration::from_secs(10))?;
        self.settle()
    }

    /// Waits until the page has painted what was changed so far.
    ///
    /// # Errors
    /// Where the page is gone.
    pub fn settle(&self) -> Result<(), BrowserError> {
        let two_frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
        self.evaluate(two_frames).map(drop)
    }

    /// What the page looks like, as a PNG file: what the window shows.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn screenshot(&self, path: impl AsRef<Path>) -> Result<(), BrowserError> {
        let path = path.as_ref();
        let format = Page::CaptureScreenshotFormatOption::Png;
        let png = self.tab.capture_screenshot(format, None, None, true).map_err(protocol)?;
        fs::write(path, png).map_err(|source| BrowserError::File { path: path.to_owned(), source })
    }

    /// What axe-core finds, a line a rule. Its rules are all that it has but for the experimental ones.
    ///
    /// # Errors
    /// Where it cannot be fetched or does not run.
    pub fn axe(&self) -> Result<Vec<String>, BrowserError> {
        if self.evaluate("typeof window.axe")? == "undefined" {
            self.tab.evaluate(&axe::source()?, false).map_err(protocol)?;
        }
        Ok(axe::lines(&self.evaluate(axe::RUN)?))
    }
}
