//! The explorer's maps are read at another patch than the query, by keyboard and by touch.

use crate::{ints, patch, text};
use semrel_browser::Tab;

/// What is to be read at a patch, whose row and column are counted from 1.
fn there(tab: &Tab, (row, column): (i64, i64)) -> String {
    let told = tab.evaluate(&format!(
        "(() => {{ const v = semrelExplorer.values(), i = ({row} - 1) * v.grid[1] + {column} - 1;
          const uniform = (list) => `${{(list[i] * list.length).toFixed(2)}}/N`;
          return `P ${{uniform(v.p)}}, Q ${{uniform(v.q)}}, w ${{View.number(v.weights[i])}}`; }})()"
    ));
    format!("Row {row}, column {column}: {}", told.unwrap().as_str().unwrap())
}

/// How many surfaces show a ring on a patch.
fn rings(tab: &Tab, (row, column): (i64, i64)) -> i64 {
    let count = tab.evaluate(&format!(
        "[...document.querySelectorAll('.probe-mark')].filter((ring) => {{
           const [r, s] = [ring, ring.parentElement].map((box) => box.getBoundingClientRect());
           const [rows, columns] = semrelExplorer.values().grid;
           const right = (r.x + r.width / 2 - s.x) / s.width * columns, down = (r.y + r.height / 2 - s.y) / s.height * rows;
           return !ring.hidden && getComputedStyle(ring).borderRadius === '50%'
             && Math.abs(down - ({row} - 0.5)) < 0.1 && Math.abs(right - ({column} - 0.5)) < 0.1; }}).length"
    ));
    count.unwrap().as_i64().unwrap()
}

/// Enter holds the patch, arrow keys then move the ring, Escape lets go.
pub fn by_keyboard(tab: &Tab) {
    tab.evaluate("document.getElementById('output').focus()").unwrap();
    tab.evaluate("semrelExplorer.query(2, 2)").unwrap();
    let query = patch(tab);
    for key in ["Enter", "ArrowRight", "ArrowRight", "ArrowDown"] {
        tab.press(key).unwrap();
    }
    assert_eq!(patch(tab), query);
    assert_eq!(text(tab, "n-probe"), there(tab, (4, 5)));
    assert_eq!(rings(tab, (4, 5)), 6);
    assert_eq!(tab.evaluate("document.getElementById('n-probe').ariaLive").unwrap(), "polite");
    tab.press("Escape").unwrap();
    assert_eq!((text(tab, "n-probe"), rings(tab, (4, 5))), (String::new(), 0));
    tab.press("ArrowRight").unwrap();
    assert_eq!(patch(tab), query + 1);

    let pressed = || tab.evaluate("document.getElementById('hold').ariaPressed").unwrap();
    tab.evaluate("document.getElementById('hold').focus()").unwrap();
    for (key, held) in [("Space", "true"), ("Escape", "false"), ("Enter", "true"), ("Enter", "false")] {
        tab.press(key).unwrap();
        assert_eq!(pressed(), held, "{key}");
    }
}

/// A finger that touches a surface at a share of its width and height, and is lifted.
pub fn touch(tab: &Tab, surface: &str, x: f64, y: f64) {
    tab.evaluate(&format!(
        "(() => {{ const surface = document.getElementById('{surface}'), box = surface.getBoundingClientRect();
          for (const kind of ['over', 'enter', 'down', 'move', 'up', 'out', 'leave']) {{
            surface.dispatchEvent(new PointerEvent(`pointer${{kind}}`, {{ pointerType: 'touch', isPrimary: true,
              bubbles: !['enter', 'leave'].includes(kind), clientX: box.x + {x} * box.width, clientY: box.y + {y} * box.height }}));
          }} }})()"
    ))
    .unwrap();
}

/// A finger moves the query, and the ring while the button holds the query, on every picture and map. They keep their places.
pub fn by_touch(tab: &Tab) {
    let grid = ints(&tab.evaluate("semrelExplorer.values().grid").unwrap());
    // Shares that lie well within a patch, however many there are.
    let at = |share: f64, count: i64| (share * count as f64) as i64 + 1;
    touch(tab, "p", 0.17, 0.23);
    let query = patch(tab);
    assert_eq!(query, (at(0.23, grid[0]) - 1) * grid[1] + at(0.17, grid[1]) - 1);
    let button = tab.middle_of("#hold").unwrap();
    let tops = "[...document.querySelectorAll('.surface')].map((box) => box.getBoundingClientRect().top + scrollY)";
    let before = tab.evaluate(tops).unwrap();
    tab.click(button.0, button.1).unwrap();
    tab.settle().unwrap();
    assert_eq!(tab.evaluate("document.getElementById('hold').ariaPressed").unwrap(), "true");
    let y = 0.74;
    for (surface, x) in [("input", 0.92), ("output", 0.78), ("p", 0.67), ("q", 0.54), ("weights", 0.42), ("jsd", 0.29)]
    {
        touch(tab, surface, x, y);
        assert_eq!(patch(tab), query, "{surface}");
        let place = (at(y, grid[0]), at(x, grid[1]));
        assert_eq!(text(tab, "n-probe"), there(tab, place), "{surface}");
        assert_eq!(rings(tab, place), 6, "{surface}");
        assert_eq!(tab.evaluate(tops).unwrap(), before, "{surface}: they have moved");
    }
    tab.click(button.0, button.1).unwrap();
    assert_eq!(text(tab, "n-probe"), "");
    touch(tab, "q", 0.6, 0.6);
    assert_ne!(patch(tab), query);
}
