//! `file_exists`: whether there is a file.

use super::Command;

/// The commands of this file.
pub(super) const COMMANDS: &[Command] =
    &[Command::new("file_exists", "<file>", "Says whether there is a file of this name", |services, args| {
        Box::pin(async move {
            if args.is_empty() {
                return "false".to_owned();
            }
            services.administration.file_exists(args).await.unwrap_or(false).to_string()
        })
    })];
