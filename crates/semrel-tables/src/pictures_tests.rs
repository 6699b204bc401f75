//! Which pictures stand where, told by their colours.

use super::*;
use crate::evaluated::Evaluated;
use crate::names::{DRAWING, eval_file};
use crate::table_single::TABLE_SINGLE;
use crate::table1::TABLE_1;
use crate::testing;
use image::Rgb;
use serde_json::json;

const HORSE: [u8; 3] = [200, 10, 10];
const ZEBRA: [u8; 3] = [10, 200, 10];
const MADE: [[u8; 3]; 2] = [[10, 10, 200], [90, 10, 200]];

fn save(file: &Path, side: u32, color: [u8; 3]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    RgbImage::from_pixel(side, side, Rgb(color)).save(file).unwrap();
}

/// Pixels of a colour, and the row of the first of them.
fn seen(picture: &RgbImage, color: [u8; 3]) -> (usize, Option<u32>) {
    let mut places = picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 == color).map(|(_, y, _)| y);
    let first = places.next();
    (places.count() + usize::from(first.is_some()), first)
}

#[test]
fn inputs_truth_and_methods_stand_below_each_other_under_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let plan = testing::plan(dir.path(), &TABLE_SINGLE, 1);
    let rows = &plan.rows[..2];
    for (row, made) in rows.iter().zip(MADE) {
        let run = plan.run_dir(*row, 777);
        for name in ["1.png", "2.png"] {
            save(&run.join("results/test_9/images/real_A").join(name), 64, HORSE);
            save(&run.join("results/test_9/images/fake_B").join(name), 64, made);
        }
        fs::write(run.join("config.yaml"), "eval: { truth: truthB }\n").unwrap();
        let Evaluated::Single(scores) = testing::single(1.0, None) else { panic!("of two domains") };
        fs::write(eval_file(&run, "last"), json!(scores).to_string()).unwrap();
    }
    // A folder that cannot be read leaves the rest as it is.
    let Drawn { truth, .. } = draw_translations(&plan, 0, rows).unwrap();
    assert!(!truth);
    let whole = |file: String| read_rgb(&dir.path().join(file)).unwrap();
    let without = whole(plan.picture_of_dataset(0));

    save(&dir.path().join("truthB/1.bmp"), 64, ZEBRA);
    let drawn = draw_translations(&plan, 0, rows).unwrap();
    assert!(drawn.truth && drawn.rows == rows);
    let picture = whole(plan.picture_of_dataset(0));
    assert_eq!(picture.height() - without.height(), 128 + 6);
    // Twice as large; of the second picture the truth is not known.
    let cell = 128 * 128;
    let counts = [HORSE, ZEBRA, MADE[0], MADE[1]].map(|color| seen(&picture, color));
    assert_eq!(counts.map(|(count, _)| count), [2 * cell, cell, 2 * cell, 2 * cell]);
    assert!(counts.is_sorted_by_key(|(_, first)| *first), "{counts:?}");
    // Names are ink to the left of the pictures, and a caption is below them.
    let left = picture.enumerate_pixels().find(|(_, _, pixel)| pixel.0 == HORSE).unwrap().0;
    let dark = |(x, y, pixel): (u32, u32, &Rgb<u8>)| pixel.0.iter().all(|v| *v < 60).then_some((x, y));
    assert!(left > 60 && picture.enumerate_pixels().filter_map(dark).any(|(x, _)| x < left - 6));
    assert!(picture.enumerate_pixels().filter_map(dark).any(|(_, y)| y > picture.height() - 50));
    // A row's own picture has that row alone.
    let own = whole(plan.picture(rows[1]));
    assert_eq!([ZEBRA, MADE[0], MADE[1]].map(|color| seen(&own, color).0), [cell, 0, 2 * cell]);

    fs::remove_file(plan.run_dir(rows[1], 777).join("results/test_9/images/real_A/2.png")).unwrap();
    let error = draw_translations(&plan, 0, rows).err().unwrap().to_string();
    assert!(error.contains("another number of images"), "{error}");
    assert!(draw_translations(&plan, 0, &[]).is_err());
}

#[test]
fn styles_of_several_methods_stand_below_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let plan = testing::plan(dir.path(), &TABLE_1, 1);
    for (row, made) in plan.rows.iter().zip(MADE) {
        // Two domains, a test picture of each; styles of the second have the method's colour.
        let run = plan.run_dir(*row, 777);
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("config.yaml"), "data: { root: photos, image_size: 64 }\neval: { truth: truth }\n").unwrap();
        let color = |y| match y / 64 {
            0 => HORSE,
            1..=3 => [80, 20, 80],
            _ => made,
        };
        RgbImage::from_fn(2 * 64, 7 * 64, |_, y| Rgb(color(y))).save(run.join(DRAWING)).unwrap();
    }
    for file in ["train/a/1.png", "train/b/1.png", "val/a/7.png", "val/b/8.png"] {
        save(&dir.path().join("photos").join(file), 64, HORSE);
    }
    save(&dir.path().join("truth/b/a/7.png"), 64, ZEBRA);
    // The third row has no drawing.
    let drawn = draw_styles(&plan, 0, plan.rows.iter().copied()).unwrap();
    assert!(drawn.truth && drawn.rows == plan.rows[..2]);
    let picture = read_rgb(&dir.path().join(plan.picture_of_dataset(0))).unwrap();
    let cell = 128 * 128;
    // Each test picture in the styles of the other domain, two by each method.
    let counts = [HORSE, ZEBRA, MADE[0], MADE[1]].map(|color| seen(&picture, color));
    assert_eq!(counts.map(|(count, _)| count), [2 * cell, cell, 2 * cell, 2 * cell]);
    assert!(counts.is_sorted_by_key(|(_, first)| *first), "{counts:?}");
    // Of one method all styles of all domains.
    let own = read_rgb(&dir.path().join(plan.picture(plan.rows[0]))).unwrap();
    assert_eq!(
        [HORSE, ZEBRA, [80, 20, 80], MADE[0]].map(|color| seen(&own, color).0),
        [2 * cell, 0, 6 * cell, 6 * cell]
    );
    assert!(draw_styles(&plan, 0, [].into_iter()).is_err());
}
