//! `samples [--pin] [--only NAME] [FOLDER]`: makes every described sample, or one of them, and writes it to a folder;
//! `--pin` writes the digest of what was made into the description instead of checking it.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let pin = arguments.iter().any(|argument| argument == "--pin");
    let only = arguments.iter().skip_while(|argument| *argument != "--only").nth(1);
    let mut rest = arguments.iter().filter(|argument| !argument.starts_with("--") && Some(*argument) != only);
    let target = rest.next_back().map(PathBuf::from);
    for name in kiwame_samples::names()?.into_iter().filter(|name| only.is_none_or(|only| only == name)) {
        if pin {
            let path = kiwame_samples::folder().join(format!("{name}.toml"));
            let text = fs::read_to_string(&path)?;
            let made = kiwame_samples::assemble(&text).map_err(|error| format!("{name}: {error}"))?;
            let made = kiwame_samples::sha256(&made);
            let lines = text.lines().map(|line| {
                if line.starts_with("sha256 = ") { format!("sha256 = \"{made}\"") } else { line.to_owned() }
            });
            fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n")?;
        }
        let bytes = kiwame_samples::sample(&name)?;
        if let Some(target) = &target {
            let path = target.join(format!("{name}.bin"));
            fs::create_dir_all(path.parent().unwrap_or(target))?;
            fs::write(path, &bytes)?;
        }
        println!("{}  {name}", kiwame_samples::sha256(&bytes));
    }
    Ok(())
}
