//! What decides how a landscape looks: a season or a weather.

/// The seasons, in the order of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Season {
    /// Fresh green, blossoming trees, flowers.
    Spring,
    /// Deep green under a blue sky.
    Summer,
    /// Red, orange and brown leaves in a hazy light.
    Autumn,
    /// Snow on ground, roofs and trees.
    Winter,
}

/// The weathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weather {
    /// Blue sky, warm light, strong shadows.
    Sunny,
    /// A grey sky and flat light.
    Cloudy,
    /// Dark, wet, with streaks of rain.
    Rainy,
    /// Low contrast; far things vanish.
    Foggy,
    /// White ground under falling snow.
    Snowy,
}

impl Season {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Spring, Self::Summer, Self::Autumn, Self::Winter];
}

impl Weather {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sunny, Self::Cloudy, Self::Rainy, Self::Foggy, Self::Snowy];
}

/// What decides how a landscape looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    /// A season, in mild weather.
    Season(Season),
    /// A weather, in the green half of the year (but for snow).
    Weather(Weather),
}

impl Look {
    /// The domain's name, as its folder is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Season(Season::Spring) => "spring",
            Self::Season(Season::Summer) => "summer",
            Self::Season(Season::Autumn) => "autumn",
            Self::Season(Season::Winter) => "winter",
            Self::Weather(Weather::Sunny) => "sunny",
            Self::Weather(Weather::Cloudy) => "cloudy",
            Self::Weather(Weather::Rainy) => "rainy",
            Self::Weather(Weather::Foggy) => "foggy",
            Self::Weather(Weather::Snowy) => "snowy",
        }
    }
}

impl From<Season> for Look {
    fn from(season: Season) -> Self {
        Self::Season(season)
    }
}

impl From<Weather> for Look {
    fn from(weather: Weather) -> Self {
        Self::Weather(weather)
    }
}
