//! How flags and environment settle format and colour.

use super::*;
use crate::fake::surroundings;

fn session(args: Globals, env: &[(&str, &str)], terminal: bool) -> Result<Session, Failure> {
    let (mut around, _) = surroundings();
    around.output_is_terminal = terminal;
    around.environment.extend(env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    let format = format_of(args.output, &around)?;
    Ok(Session::new(args, around, format))
}

#[test]
fn colour_follows_flag_then_environment_then_terminal() {
    let auto = Globals::default();
    let color = |globals: &Globals, env: &[(&str, &str)], terminal| {
        session(globals.clone(), env, terminal).expect("a session").color
    };
    assert!(color(&auto, &[], true));
    assert!(!color(&auto, &[], false));
    assert!(!color(&auto, &[("NO_COLOR", "1")], true));
    assert!(!color(&auto, &[("TERM", "dumb")], true));
    assert!(color(&auto, &[("CLICOLOR_FORCE", "1")], false));
    assert!(!color(&auto, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
    let always = Globals { color: Color::Always, ..Globals::default() };
    assert!(color(&always, &[("NO_COLOR", "1")], false));
    let never = Globals { color: Color::Never, ..Globals::default() };
    assert!(!color(&never, &[("CLICOLOR_FORCE", "1")], true));
}

#[test]
fn the_format_of_the_flag_wins_over_the_environment() {
    let env = [("SWITCHYARD_OUTPUT", "json")];
    assert_eq!(session(Globals::default(), &env, false).expect("a session").format, Format::Json);
    let jsonl = Globals { output: Some(Format::Jsonl), ..Globals::default() };
    assert_eq!(session(jsonl, &env, false).expect("a session").format, Format::Jsonl);
    let odd =
        session(Globals::default(), &[("SWITCHYARD_OUTPUT", "xml")], false).err().expect("no such format");
    assert_eq!(odd.exit.code(), 64);
    let yaml = Globals { output: Some(Format::Yaml), ..Globals::default() };
    assert!(session(yaml, &[], false).err().expect("not yet").message.contains("not supported yet"));
}

#[test]
fn only_yes_is_yes() {
    for (answer, yes) in
        [("y\n", true), ("YES\n", true), ("n\n", false), ("\n", false), ("", false), ("yep\n", false)]
    {
        let mut session = session(Globals::default(), &[], true).expect("a session");
        session.around.input = Box::new(std::io::Cursor::new(answer));
        assert_eq!(session.confirm("go?"), yes, "{answer:?}");
    }
}
