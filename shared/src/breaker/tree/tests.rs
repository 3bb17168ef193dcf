//! What the breakers of a site promise, each a trap that others fell into.

mod credentials;
mod devices;
mod half_open;
mod hold;
mod model;
mod opening;
mod operators;
mod preparing;
mod readings;
mod restart;
mod silent_world;
mod stalls;

use super::*;

/// A site, its clock, and a shell that keeps to the rules: it polls after every input and at every timer.
struct Site {
    tree: Tree,
    now: Timestamp,
}

fn device(n: usize) -> DeviceName {
    DeviceName::new(format!("d{n:02}")).unwrap()
}

fn settings() -> BreakerSettings {
    BreakerSettings::default()
}

fn seconds(s: f64) -> Duration {
    Duration::from_secs_f64(s)
}

fn site_name() -> Name {
    Name::parse("site/lon").unwrap()
}

impl Site {
    /// A site that starts slowly.
    fn new() -> Self {
        let site = SiteName::new("lon").unwrap();
        Self { tree: Tree::new(site, 7, Timestamp(0)), now: Timestamp(0) }
    }

    fn with(settings: BreakerSettings) -> Self {
        let mut site = Self::new();
        site.tree.set_settings(settings, site.now);
        site
    }

    /// A site of usual handshakes of 0.1 s that has left its slow start behind; uses the devices from 900.
    fn flowing() -> Self {
        let mut site = Self::new();
        site.flow();
        site
    }

    fn flow(&mut self) {
        for n in 900..910 {
            let admission = self.start(n).unwrap();
            self.wait(0.1);
            self.answer(&admission);
            self.end(admission, Class::Ok);
        }
        assert_eq!((self.state(), self.allowance()), (State::Closed, None));
        self.tree.take_reports();
    }

    fn opened() -> Self {
        let mut site = Self::flowing();
        (0..4).for_each(|n| site.run(n, Class::Timeout));
        assert_eq!(site.state(), State::Open);
        site
    }

    fn half_open() -> Self {
        let mut site = Self::opened();
        site.wait_over();
        assert_eq!((site.state(), site.allowance()), (State::HalfOpen, Some(1)));
        site
    }

    fn try_start(&mut self, n: usize, credential: &str, first: bool) -> Result<Admission, NotNow> {
        let device = device(n);
        let attempt = Attempt {
            device: &device,
            credential,
            connect_timeout: Duration::from_secs(30),
            deadline: self.now.plus(Duration::from_secs(100)),
            first,
        };
        self.tree.try_acquire(&attempt, self.now)
    }

    fn start(&mut self, n: usize) -> Result<Admission, NotNow> {
        self.try_start(n, "env:X", true)
    }

    fn answer(&mut self, admission: &Admission) -> Finished {
        let finished = self.tree.handshake(admission, self.now, self.now);
        self.tree.handle_timeout(self.now);
        finished
    }

    fn end(&mut self, admission: Admission, class: Class) -> Fate {
        let fate = self.tree.finish(admission, class, self.now);
        self.tree.handle_timeout(self.now);
        fate
    }

    fn run(&mut self, n: usize, class: Class) {
        let admission = self.start(n).unwrap();
        self.end(admission, class);
    }

    /// Lets time pass, timer by timer.
    fn wait(&mut self, s: f64) {
        let end = self.now.plus(seconds(s));
        for _ in 0..1000 {
            let Some((at, _, _)) = self.tree.poll_timeout().filter(|(at, _, _)| *at <= end) else {
                self.now = end;
                self.tree.handle_timeout(end);
                return;
            };
            self.now = self.now.max(at);
            self.tree.handle_timeout(self.now);
        }
        panic!("its timer never comes to rest: {:?}", self.tree.poll_timeout());
    }

    /// Waits until the site tries again by itself.
    fn wait_over(&mut self) {
        let wait = self.report().retry_at.unwrap().since(self.now);
        self.wait(wait.as_secs_f64());
    }

    fn report(&self) -> Report {
        self.tree.reports().remove(0)
    }

    fn state(&self) -> State {
        self.report().state
    }

    fn reason(&self) -> String {
        self.report().reason
    }

    fn allowance(&self) -> Option<u32> {
        self.tree.allowance(self.now)
    }

    fn moves(&mut self) -> Vec<(String, State)> {
        self.tree.take_reports().into_iter().map(|report| (report.name.to_string(), report.state)).collect()
    }
}
