//! Test pictures in random styles of every domain, as `stargan2-multi sample --grid latent` draws them: cut apart again.

use super::stored;
use crate::error::TableError;
use crate::folders::open_domains;
use crate::names::DRAWING;
use image::{RgbImage, imageops};
use semrel_data::image_io::read_rgb;
use semrel_run::run_dir;
use semrel_run::stored::StoredConfig;
use std::path::{Path, PathBuf};

/// Styles of each domain that are drawn.
pub const STYLES: usize = 3;

/// The drawing of a run: the test pictures, and below them a row for each style of each domain.
pub struct Styles {
    grid: RgbImage,
    side: u32,
    /// What the run was made with.
    pub config: StoredConfig,
    /// Number of domains.
    pub domains: usize,
    /// Number of test pictures. They stand in the order of their domains, as many of each.
    pub sources: usize,
}

/// The images that test pictures are of.
pub struct Images {
    /// Names of the domains; their numbers where the images are gone.
    pub names: Vec<String>,
    /// Files of the test pictures, from the folder of their domain on; none where the images are gone.
    pub files: Vec<PathBuf>,
}

impl Styles {
    /// Reads what a run has left.
    ///
    /// # Errors
    /// Names the file: [`TableError::Data`] where there is no drawing, [`TableError::Picture`] for one that is no grid of pictures
    /// of the configuration's size; and those of reading the configuration.
    pub fn read(run: &Path) -> Result<Self, TableError> {
        let config = stored(run)?;
        let side = config.data.image_size.filter(|side| *side > 0).ok_or_else(|| {
            let file = run.join(run_dir::CONFIG);
            TableError::Picture(format!("{}: missing key `data.image_size`", file.display()))
        })?;
        let file = run.join(DRAWING);
        let grid = read_rgb(&file)?;
        let (width, height) = grid.dimensions();
        if width % side != 0 || height % side != 0 || height / side <= STYLES as u32 {
            let what = format!("{width} x {height} pixels, which are not cells of {side}");
            return Err(TableError::Picture(format!("{}: {what}", file.display())));
        }
        let domains = (height / side - 1) as usize / STYLES;
        Ok(Self { grid, side, config, domains, sources: (width / side) as usize })
    }

    /// Whether another run has drawn as many test pictures in as many domains.
    pub fn fits(&self, other: &Self) -> bool {
        (self.sources, self.domains) == (other.sources, other.domains)
    }

    /// A test picture, where there is one of that number.
    pub fn source(&self, source: usize) -> Option<RgbImage> {
        self.cell(source, 0)
    }

    /// A test picture in a style of a domain, where that was drawn.
    pub fn styled(&self, source: usize, domain: usize, style: usize) -> Option<RgbImage> {
        self.cell(source, 1 + domain * STYLES + style)
    }

    /// The domain that a test picture is of.
    pub fn domain(&self, source: usize) -> usize {
        source * self.domains / self.sources.max(1)
    }

    /// The domain after its own.
    pub fn next(&self, source: usize) -> usize {
        (self.domain(source) + 1) % self.domains.max(1)
    }

    /// The images, from the folder that relative paths begin in.
    pub fn images(&self, root: &Path) -> Images {
        let gone = || Images { names: (1..=self.domains).map(|d| d.to_string()).collect(), files: vec![] };
        let Some(images) = &self.config.data.root else { return gone() };
        let splits = match open_domains(&root.join(images)) {
            Ok(splits) if splits.train.len() == self.domains => splits,
            _ => return gone(),
        };
        let each = self.sources / self.domains;
        let file = |source: usize| {
            let domain = splits.val.domains.get(self.domain(source))?;
            let file = domain.files.get(source.checked_sub(self.domain(source) * each)?)?;
            file.strip_prefix(splits.val.root.join(&domain.name)).ok().map(Path::to_owned)
        };
        Images {
            names: splits.train.names().iter().map(|&name| name.to_owned()).collect(),
            files: (0..self.sources).map(file).collect::<Option<_>>().unwrap_or_default(),
        }
    }

    fn cell(&self, column: usize, row: usize) -> Option<RgbImage> {
        let side = self.side as usize;
        let inside =
            (column + 1) * side <= self.grid.width() as usize && (row + 1) * side <= self.grid.height() as usize;
        let (x, y) = (column as u32 * self.side, row as u32 * self.side);
        inside.then(|| imageops::crop_imm(&self.grid, x, y, self.side, self.side).to_image())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use std::fs;

    /// Two domains of two test pictures each, whose colours tell column and row.
    pub fn write(run: &Path) {
        fs::create_dir_all(run).unwrap();
        fs::write(run.join("config.yaml"), "data: { root: photos, image_size: 4 }\n").unwrap();
        let grid = RgbImage::from_fn(4 * 4, 7 * 4, |x, y| Rgb([(x / 4) as u8, (y / 4) as u8, 0]));
        grid.save(run.join(DRAWING)).unwrap();
    }

    #[test]
    fn a_drawing_is_cut_into_its_pictures() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        write(&run);
        let styles = Styles::read(&run).unwrap();
        assert_eq!((styles.domains, styles.sources), (2, 4));
        let color = |picture: Option<RgbImage>| picture.map(|p| (p.dimensions(), p.get_pixel(3, 3).0));
        assert_eq!(color(styles.source(1)), Some(((4, 4), [1, 0, 0])));
        assert_eq!(color(styles.styled(3, 1, 2)), Some(((4, 4), [3, 6, 0])));
        assert_eq!((color(styles.source(4)), color(styles.styled(0, 2, 0))), (None, None));
        assert_eq!(
            [0, 1, 2, 3].map(|source| (styles.domain(source), styles.next(source))),
            [(0, 1), (0, 1), (1, 0), (1, 0)]
        );

        assert_eq!(styles.images(dir.path()).names, ["1", "2"]);
        let files = ["val/a/x.png", "val/a/y.png", "val/b/deep/z.png", "val/b/x.png", "train/a/t.png", "train/b/t.png"];
        for file in files.map(|file| dir.path().join("photos").join(file)) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            RgbImage::new(4, 4).save(file).unwrap();
        }
        let images = styles.images(dir.path());
        assert_eq!(images.names, ["a", "b"]);
        assert_eq!(images.files, ["x.png", "y.png", "deep/z.png", "x.png"].map(PathBuf::from));

        let refused = |words: &str| {
            let text = Styles::read(&run).err().unwrap().to_string();
            assert!(text.contains(words), "{text}");
        };
        RgbImage::new(9, 28).save(run.join(DRAWING)).unwrap();
        refused("drawing.png: 9 x 28 pixels, which are not cells of 4");
        fs::write(run.join("config.yaml"), "name: x").unwrap();
        refused("config.yaml: missing key `data.image_size`");
    }
}
